import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

/** Numbers of the columns that are NOT NULL, by the table's oid. */
export async function listNotNullColumns(db: Database): Promise<Map<number, Set<number>>> {
  const result = await sql<{ oid: number; columns: number[] }>`
    SELECT class.oid, pg_catalog.array_agg(attribute.attnum::int) AS columns
    FROM pg_catalog.pg_attribute attribute
    JOIN pg_catalog.pg_class class ON class.oid = attribute.attrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE attribute.attnotnull AND attribute.attnum > 0 AND NOT attribute.attisdropped
      AND class.relkind IN ('r', 'p') AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
    GROUP BY class.oid`.execute(db)
  return new Map(result.rows.map(({ oid, columns }) => [oid, new Set(columns)]))
}
