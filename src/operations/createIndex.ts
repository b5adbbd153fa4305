import { indexIsAbsent, indexIsValid } from '../conditions/indexes.ts'
import { columnsExist, tableExists } from '../conditions/tables.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { claimIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { dropConcurrently } from './recreateIndex.ts'
import { operationTitle } from './titles.ts'

export interface IndexToCreate extends Reason {
  table: RelationName
  /** Its columns, or an expression of them as it stands in CREATE INDEX: `(lower(email))`. */
  on: string[] | { expression: string }
  /** Names that are taken in the table's schema; ours is added to them. */
  takenNames: Set<string>
}

/**
 * Builds an index without blocking writes.
 *
 * ```sql
 * CREATE INDEX CONCURRENTLY "bookings_customer_id_idx" ON "public"."bookings" ("customer_id")
 * -- down
 * DROP INDEX CONCURRENTLY "public"."bookings_customer_id_idx"
 * ```
 */
export function createIndex({ table, on, takenNames, ...reason }: IndexToCreate): Operation {
  const columns = 'expression' in on ? undefined : on
  const list = 'expression' in on ? on.expression : on.map(quote).join(', ')
  const name = claimIndexName(table.name, columns ?? [wordOf(list)], takenNames)
  const index = { schema: table.schema, name }
  const create = `CREATE INDEX CONCURRENTLY ${quote(index.name)} ON ${qualified(table)} (${list})`
  const drop = dropConcurrently(index)
  const args = [table, columns ?? [list], { name, concurrently: true }]
  return {
    ...work('createIndex', table, list),
    on: [table.schema, table.name],
    title: operationTitle('create', index.name),
    ...reason,
    up: [create],
    down: [drop],
    calls: { [create]: { method: 'createIndex', args }, [drop]: { method: 'dropIndex', args } },
    before: [
      columns ? condition(columnsExist, table, columns) : condition(tableExists, table),
      condition(indexIsAbsent, index),
    ],
    after: [condition(indexIsValid, index)],
    noTransaction: 'CREATE INDEX CONCURRENTLY cannot run inside one.',
  }
}

/** `table_column_idx` as PostgreSQL would name it; see `claimIdentifier`. */
export function claimIndexName(table: string, columns: string[], taken: Set<string>): string {
  return claimIdentifier([table, ...columns].join('_'), '_idx', taken)
}

/** `(lower(email))` -> `lower_email`: letters and digits, as PostgreSQL itself has no name for most expressions. */
function wordOf(expression: string): string {
  return expression.replaceAll(/[^\p{L}\p{N}_]+/gu, '_').replaceAll(/^_+|_+$/g, '')
}
