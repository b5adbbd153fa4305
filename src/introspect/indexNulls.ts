import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { listColumnStatistics, statisticsByColumn } from './columnStatistics.ts'

/** What ANALYZE found in the first column of an index. */
export interface IndexNulls {
  indexOid: number
  column: string
  /** Part of the rows in which it is NULL, 0 to 1; null where the table was never analyzed. */
  nullFraction: number | null
  /** Whether the current role may see the column's statistics. */
  isVisible: boolean
}

/** The share of NULLs in the first column of every index on all rows, in two queries. */
export async function listIndexNulls(db: Database): Promise<IndexNulls[]> {
  const { rows } = await sql<Omit<IndexNulls, 'nullFraction'> & { schema: string; table: string }>`
    SELECT index.indexrelid AS "indexOid", namespace.nspname::text AS schema, class.relname::text AS "table",
      attribute.attname::text AS "column",
      pg_catalog.has_column_privilege(class.oid, attribute.attnum, 'SELECT')
        AND NOT (class.relrowsecurity AND pg_catalog.row_security_active(class.oid)) AS "isVisible"
    FROM pg_catalog.pg_index index
    JOIN pg_catalog.pg_class class ON class.oid = index.indrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_attribute attribute
      ON attribute.attrelid = class.oid AND attribute.attnum = index.indkey[0] AND attribute.attnum > 0
    WHERE NOT attribute.attnotnull AND index.indpred IS NULL AND class.relkind IN ('r', 'm')
      AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'`.execute(db)
  const statisticsOf = statisticsByColumn(await listColumnStatistics(db))
  return rows.map(({ indexOid, schema, table, column, isVisible }) => {
    const nullFraction = statisticsOf(schema, table, column)?.nullFraction ?? null
    return { indexOid, column, isVisible, nullFraction }
  })
}
