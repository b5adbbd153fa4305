import { readBeyond } from '../catalog/rowsBeyond.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/**
 * Holds when the column is never NULL and always below the bound.
 *
 * @param bound a value as text: `2027-03-01`
 */
export function columnIsBelow(table: RelationName, column: string, bound: string): Condition {
  return {
    description: `every ${displayIdentifier(column)} of ${display(table)} is set and below ${bound}`,
    dependsOnData: true,
    async check(db) {
      const beyond = await readBeyond(db, table, column, bound)
      if (beyond === undefined) return holds
      return fails(
        `values below ${bound}`,
        beyond === null ? 'a row without a value' : `a row with ${beyond}`,
      )
    },
  }
}
