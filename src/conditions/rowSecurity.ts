import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { findRelation } from '../catalog/relations.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** Holds when row-level security of the table is enabled. */
export function rowSecurityIsEnabled(table: RelationName): Condition {
  return rowSecurity(table, true)
}

/** Holds when the table exists and its row-level security is not enabled. */
export function rowSecurityIsDisabled(table: RelationName): Condition {
  return rowSecurity(table, false)
}

function rowSecurity(table: RelationName, enabled: boolean): Condition {
  const state = (on: boolean): string => (on ? 'enabled' : 'disabled')
  return {
    description: `row-level security of ${display(table)} is ${state(enabled)}`,
    async check(db) {
      const found = await findRelation(db, table)
      if (!found) return fails(state(enabled), 'no such table')
      return found.rowSecurity === enabled ? holds : fails(state(enabled), state(found.rowSecurity))
    },
  }
}
