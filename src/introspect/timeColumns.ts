import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { listColumnStatistics, statisticsByColumn } from './columnStatistics.ts'
import { lockedRelations } from './lockedRelations.ts'

/** A column of a large table that could be a partition key: a time that every row has. */
export interface TimeColumn {
  tableOid: number
  name: string
  /** -1 to 1, how well the order of the rows on disk follows the column; null where nobody analyzed, or it is hidden. */
  correlation: number | null
  isVisible: boolean
}

/** NOT NULL columns of type date or timestamp, of ordinary tables with at least so many bytes, in two queries. */
export async function listTimeColumns(db: Database, minimumBytes: number): Promise<TimeColumn[]> {
  const { rows } = await sql<Omit<TimeColumn, 'correlation'> & { schema: string; table: string }>`
    SELECT class.oid AS "tableOid", namespace.nspname::text AS schema, class.relname::text AS "table",
      attribute.attname::text AS name,
      pg_catalog.has_column_privilege(class.oid, attribute.attnum, 'SELECT')
        AND NOT (class.relrowsecurity AND pg_catalog.row_security_active(class.oid)) AS "isVisible"
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_attribute attribute ON attribute.attrelid = class.oid AND attribute.attnum > 0
      AND NOT attribute.attisdropped AND attribute.attnotnull
      AND attribute.atttypid IN ('pg_catalog.date'::pg_catalog.regtype,
        'pg_catalog.timestamp'::pg_catalog.regtype, 'pg_catalog.timestamptz'::pg_catalog.regtype)
    LEFT JOIN ${lockedRelations} locked ON locked.oid = class.oid
    WHERE class.relkind = 'r' AND NOT class.relispartition
      AND CASE WHEN locked.oid IS NULL THEN pg_catalog.pg_table_size(class.oid) >= ${minimumBytes}
        ELSE class.relpages::bigint * pg_catalog.current_setting('block_size')::int >= ${minimumBytes} END
      AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
    ORDER BY attribute.attnum`.execute(db)
  if (rows.length === 0) return []
  const statisticsOf = statisticsByColumn(await listColumnStatistics(db))
  return rows.map(({ tableOid, schema, table, name, isVisible }) => {
    const correlation = statisticsOf(schema, table, name)?.correlation ?? null
    return { tableOid, name, isVisible, correlation }
  })
}
