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
  /**
   * Its columns, an expression of them as it stands in CREATE INDEX: `(lower(email))`, or all that follows the table's name:
   * `USING btree (city_id, rating DESC) WHERE is_active`, with the words that name it.
   */
  on: string[] | { expression: string } | { definition: string; words: string[] }
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
  const columns = Array.isArray(on) ? on : undefined
  const list =
    'expression' in on ? on.expression : Array.isArray(on) ? on.map(quote).join(', ') : on.definition
  const words = 'words' in on ? on.words : (columns ?? [list])
  const name = claimIndexName(table.name, columns ?? words.map(wordOf), takenNames)
  const index = { schema: table.schema, name }
  const keys = 'definition' in on ? on.definition : `(${list})`
  const create = `CREATE INDEX CONCURRENTLY ${quote(index.name)} ON ${qualified(table)} ${keys}`
  const drop = dropConcurrently(index)
  const args = [table, columns ?? [list], { name, concurrently: true }]
  return {
    ...work('createIndex', table, list),
    on: [table.schema, table.name],
    title: operationTitle('create', index.name),
    ...reason,
    up: [create],
    down: [drop],
    // The builder knows neither operator classes nor every order.
    ...('definition' in on
      ? {}
      : { calls: { [create]: { method: 'createIndex', args }, [drop]: { method: 'dropIndex', args } } }),
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
