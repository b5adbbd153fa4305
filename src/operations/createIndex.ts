import { indexIsAbsent, indexIsValid } from '../conditions/indexes.ts'
import { columnsExist } from '../conditions/tables.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { fitIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import type { Draft } from './draft.ts'
import { condition, workId } from './draft.ts'
import { draftTitle } from './titles.ts'

export interface IndexToCreate {
  table: RelationName
  columns: string[]
  /** An SQL condition with qualified names; every row where it is absent. */
  where?: string
  /** Names that are taken in the table's schema; ours differs from all of them. */
  takenNames: ReadonlySet<string>
  rule: string
  why: string
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
export function createIndex({ table, columns, where, takenNames, rule, why }: IndexToCreate): Draft {
  const index = { schema: table.schema, name: indexName(table.name, columns, takenNames) }
  const list = columns.map(quote).join(', ')
  return {
    kind: 'createIndex',
    ids: [workId('createIndex', table, list, ...(where === undefined ? [] : [where]))],
    on: [table.schema, table.name],
    title: draftTitle('create', index.name),
    rule,
    why,
    up: [
      `CREATE INDEX CONCURRENTLY ${quote(index.name)} ON ${qualified(table)} (${list})` +
        (where === undefined ? '' : ` WHERE ${where}`),
    ],
    down: [`DROP INDEX CONCURRENTLY ${qualified(index)}`],
    before: [condition(columnsExist, table, columns), condition(indexIsAbsent, index)],
    after: [condition(indexIsValid, index)],
    noTransaction: 'CREATE INDEX CONCURRENTLY cannot run inside one.',
  }
}

/** `table_column_idx` as PostgreSQL would name it, cut to fit, with a number where the name is taken. */
export function indexName(table: string, columns: string[], taken: ReadonlySet<string>): string {
  const base = [table, ...columns].join('_')
  for (let number = 0; ; number += 1) {
    const name = fitIdentifier(base, number === 0 ? '_idx' : `_idx${number}`)
    if (!taken.has(name)) return name
  }
}
