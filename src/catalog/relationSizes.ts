import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** A relation's size and traffic: how much a lock on it hurts. */
export interface RelationSize {
  schema: string
  name: string
  /** `table`, `index`, `view`, `partitioned table` ... */
  kind: string
  /** The planner's estimate; null where the table was never analyzed or the relation holds no rows. */
  rows: number | null
  /** With indexes and TOAST. */
  bytes: number
  /** Rows inserted, updated and deleted per second since the statistics were reset; null where they are not counted. */
  writesPerSecond: number | null
}

/**
 * Size and traffic of the relations with these names, in one query. A name without a schema is looked up through the
 * session's `search_path`; a relation that does not exist is left out.
 */
export async function listRelationSizes(
  db: Database,
  names: { schema?: string; name: string }[],
): Promise<RelationSize[]> {
  const wanted = JSON.stringify(names)
  const result = await sql<RelationSize>`
    SELECT DISTINCT namespace.nspname AS schema, class.relname AS name,
      CASE class.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'i' THEN 'index'
        WHEN 'I' THEN 'partitioned index' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
        WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'relation' END AS kind,
      CASE WHEN class.reltuples >= 0 THEN class.reltuples::float8 END AS rows,
      pg_catalog.pg_total_relation_size(class.oid)::float8 AS bytes,
      round(((stat.n_tup_ins + stat.n_tup_upd + stat.n_tup_del)
        / greatest(1, extract(epoch FROM clock_timestamp() -
            coalesce(database.stats_reset, pg_catalog.pg_postmaster_start_time()))))::numeric, 2)::float8
        AS "writesPerSecond"
    FROM pg_catalog.jsonb_to_recordset(${wanted}::jsonb) AS wanted(schema text, name text)
    JOIN pg_catalog.pg_class class ON class.relname = wanted.name
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      AND (namespace.nspname = wanted.schema
        OR wanted.schema IS NULL AND pg_catalog.pg_table_is_visible(class.oid))
    LEFT JOIN pg_catalog.pg_stat_user_tables stat ON stat.relid = class.oid
    LEFT JOIN pg_catalog.pg_stat_database database ON database.datname = pg_catalog.current_database()
    ORDER BY 1, 2`.execute(db)
  return result.rows
}
