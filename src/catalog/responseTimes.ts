import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { displayIdentifier } from '../postgres/identifiers.ts'
import { NotSeen } from './notSeen.ts'

/** How many calls took how long, over the time that pg_stat_monitor keeps. */
export interface ResponseTimes {
  /** As pg_stat_monitor prints them, in milliseconds: `{{0.000 - 1.000}`, ` (1.000 - 2.778}` ... */
  ranges: string[]
  calls: number[]
}

/**
 * The histograms of all statements of this database, added up.
 *
 * @throws NotSeen where pg_stat_monitor is not installed, not loaded or not readable
 */
export async function readResponseTimes(db: Database): Promise<ResponseTimes> {
  const { rows: found } = await sql<{ schema: string; isLoaded: boolean; mayUse: boolean }>`
    SELECT namespace.nspname::text AS schema,
      pg_catalog.current_setting('pg_stat_monitor.pgsm_histogram_buckets', true) IS NOT NULL AS "isLoaded",
      pg_catalog.has_schema_privilege(namespace.oid, 'USAGE') AS "mayUse"
    FROM pg_catalog.pg_extension extension
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = extension.extnamespace
    WHERE extension.extname = 'pg_stat_monitor'`.execute(db)
  const [extension] = found
  if (!extension) {
    throw new NotSeen(
      'pg_stat_statements has no histogram, only mean and deviation; the extension pg_stat_monitor has one',
    )
  }
  if (!extension.isLoaded)
    throw new NotSeen('pg_stat_monitor is installed but not in shared_preload_libraries')
  if (!extension.mayUse) {
    throw new NotSeen(
      `this role may not use schema ${displayIdentifier(extension.schema)} of pg_stat_monitor`,
    )
  }
  const { rows } = await sql<ResponseTimes>`
    SELECT pg_catalog.string_to_array(${sql.id(extension.schema, 'get_histogram_timings')}(), ',') AS ranges,
      coalesce((
        SELECT pg_catalog.array_agg(calls ORDER BY place) FROM (
          SELECT place, sum(value::float8) AS calls
          FROM ${sql.id(extension.schema, 'pg_stat_monitor')} statements
          CROSS JOIN LATERAL pg_catalog.unnest(resp_calls) WITH ORDINALITY AS histogram (value, place)
          WHERE statements.datname::text = pg_catalog.current_database()::text
          GROUP BY place) summed), '{}') AS calls`.execute(db)
  return rows[0] ?? { ranges: [], calls: [] }
}
