import type { Sql } from '../postgres/sql.ts'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** The numbers of the columns whose values, together, are unique in a table. */
export type UniqueKey = number[]

/**
 * Every unique index outside of the system's schemas that is valid, on plain columns and all rows, and checked
 * immediately instead of at the end of the transaction; by the table's oid.
 */
export async function listUniqueKeys(db: Database): Promise<Map<number, UniqueKey[]>> {
  return selectUniqueKeys(db, sql`true`)
}

/** The same, only for tables with one of these names, in any schema. */
export async function findUniqueKeysNamed(db: Database, tables: string[]): Promise<Map<number, UniqueKey[]>> {
  return selectUniqueKeys(db, sql`class.relname = ANY (${tables}::name[])`)
}

async function selectUniqueKeys(db: Database, condition: Sql<unknown>): Promise<Map<number, UniqueKey[]>> {
  const { rows } = await sql<{ oid: number; columns: string; count: number }>`
    SELECT index.indrelid AS oid, index.indkey::text AS columns, index.indnkeyatts AS count
    FROM pg_catalog.pg_index index
    JOIN pg_catalog.pg_class class ON class.oid = index.indrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
    WHERE index.indisunique AND index.indisvalid AND index.indimmediate
      AND index.indpred IS NULL AND index.indexprs IS NULL AND ${condition}
    ORDER BY index.indexrelid`.execute(db)
  const byTable = new Map<number, UniqueKey[]>()
  for (const { oid, columns, count } of rows) {
    const key = columns.split(' ').slice(0, count).map(Number)
    byTable.set(oid, [...(byTable.get(oid) ?? []), key])
  }
  return byTable
}
