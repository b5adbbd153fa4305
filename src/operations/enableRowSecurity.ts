import { rowSecurityIsDisabled, rowSecurityIsEnabled } from '../conditions/rowSecurity.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified } from '../postgres/identifiers.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Switches row-level security on.
 *
 * ```sql
 * ALTER TABLE "public"."events_2026" ENABLE ROW LEVEL SECURITY
 * -- down
 * ALTER TABLE "public"."events_2026" DISABLE ROW LEVEL SECURITY
 * ```
 */
export function enableRowSecurity(table: RelationName, reason: Reason): Operation {
  const enable = `ALTER TABLE ${qualified(table)} ENABLE ROW LEVEL SECURITY`
  const disable = `ALTER TABLE ${qualified(table)} DISABLE ROW LEVEL SECURITY`
  return {
    ...work('enableRowSecurity', table),
    on: [table.schema, table.name],
    title: operationTitle('secure', table.name),
    ...reason,
    up: [enable],
    down: [disable],
    calls: {
      [enable]: { method: 'alterTable', args: [table, { levelSecurity: 'ENABLE' }] },
      [disable]: { method: 'alterTable', args: [table, { levelSecurity: 'DISABLE' }] },
    },
    before: [condition(rowSecurityIsDisabled, table)],
    after: [condition(rowSecurityIsEnabled, table)],
  }
}
