import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import type { RelationName } from '../db/identifiers.ts'
import { lockedRelations } from './lockedRelations.ts'

/** An index's size and use since the counters were reset. */
export interface IndexStatistics {
  oid: number
  schema: string
  name: string
  table: RelationName
  method: string
  /** The planner's page count stands in where somebody holds the index locked. */
  sizeBytes: number
  scans: number
  isUnique: boolean
  isValid: boolean
  /** It backs a constraint, so that it is needed even if nothing ever scans it. */
  backsConstraint: boolean
}

/** All indexes outside the system's schemas, the largest first. */
export async function listIndexStatistics(db: Database): Promise<IndexStatistics[]> {
  const result = await sql<Omit<IndexStatistics, 'table'> & { tableName: string }>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locks)
    SELECT class.oid, namespace.nspname::text AS schema, class.relname::text AS name,
      tab.relname::text AS "tableName", am.amname::text AS method,
      CASE WHEN class.oid IN (SELECT oid FROM locked)
        THEN class.relpages * pg_catalog.current_setting('block_size')::float8
        ELSE coalesce(pg_catalog.pg_relation_size(class.oid), 0)::float8 END AS "sizeBytes",
      coalesce(pg_catalog.pg_stat_get_numscans(class.oid), 0)::float8 AS scans,
      index.indisunique AS "isUnique", index.indisvalid AS "isValid",
      con.conindid IS NOT NULL AS "backsConstraint"
    FROM pg_catalog.pg_index index
    JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid AND class.relkind = 'i'
    JOIN pg_catalog.pg_class tab ON tab.oid = index.indrelid AND tab.relkind IN ('r', 'm')
      AND tab.relpersistence <> 't'
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_am am ON am.oid = class.relam
    LEFT JOIN (
      SELECT DISTINCT conindid FROM pg_catalog.pg_constraint WHERE contype IN ('p', 'u', 'x')
    ) con ON con.conindid = class.oid
    WHERE namespace.nspname <> 'information_schema' AND namespace.nspname !~ '^pg_'
    ORDER BY "sizeBytes" DESC, 2, 3`.execute(db)
  return result.rows.map(({ tableName, ...index }) => ({
    ...index,
    table: { schema: index.schema, name: tableName },
  }))
}
