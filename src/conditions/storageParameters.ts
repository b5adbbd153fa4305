import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { findRelation } from '../catalog/relations.ts'
import { shortList } from '../shortList.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/**
 * Holds when the table's (or index's) storage parameters of these names have these values.
 * Values are text, as PostgreSQL keeps them: `{ fillfactor: '90', autovacuum_vacuum_scale_factor: '0.02' }`.
 */
export function storageParametersAre(table: RelationName, expected: Record<string, string>): Condition {
  return {
    description: `${display(table)} has ${show(expected)}`,
    async check(db) {
      const found = await findRelation(db, table)
      if (!found) return fails(show(expected), 'no such relation')
      const actual = Object.fromEntries(
        Object.keys(expected).map((name) => [name, found.storageParameters[name] ?? 'unset']),
      )
      const same = Object.entries(expected).every(([name, value]) => actual[name] === value)
      return same ? holds : fails(show(expected), show(actual))
    },
  }
}

/** Holds when none of these storage parameters is set, so that PostgreSQL's defaults apply. */
export function storageParametersAreUnset(table: RelationName, names: string[]): Condition {
  return {
    description: `${display(table)} has no ${shortList(names)}`,
    async check(db) {
      const found = await findRelation(db, table)
      if (!found) return fails('unset', 'no such relation')
      const set = Object.entries(found.storageParameters).filter(([name]) => names.includes(name))
      return set.length === 0 ? holds : fails('unset', show(Object.fromEntries(set)))
    },
  }
}

function show(parameters: Record<string, string>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ')
}
