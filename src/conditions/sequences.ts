import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { findSequence } from '../catalog/sequences.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** Holds when the sequence has this type and counts up to this value; `('integer', '2147483647')`. */
export function sequenceCountsTo(sequence: RelationName, type: string, maximum: string): Condition {
  const expected = `${type} up to ${maximum}`
  return {
    description: `sequence ${display(sequence)} is ${expected}`,
    async check(db) {
      const found = await findSequence(db, sequence)
      if (!found) return fails(expected, 'no such sequence')
      const actual = `${found.type} up to ${found.maximum}`
      return actual === expected ? holds : fails(expected, actual)
    },
  }
}
