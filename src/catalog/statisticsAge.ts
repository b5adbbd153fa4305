import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Since when the cumulative statistics of this database have been counting. */
export interface StatisticsAge {
  resetAt: Date
  ageDays: number
}

/**
 * Since when the counters have been counting. A crash discards them without changing the reset time of the database. It
 * also resets the counters of the background writer, whose reset time shows it.
 */
export async function findStatisticsAge(db: Database): Promise<StatisticsAge> {
  const result = await sql<StatisticsAge>`
    SELECT since AS "resetAt", (extract(epoch FROM clock_timestamp() - since) / 86400)::float8 AS "ageDays"
    FROM (
      SELECT coalesce(database.stats_reset, writer.stats_reset, pg_catalog.pg_postmaster_start_time()) AS since
      FROM pg_catalog.pg_stat_bgwriter writer
      LEFT JOIN pg_catalog.pg_stat_database database ON database.datname = pg_catalog.current_database()
    ) counted`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the server has no cumulative statistics')
  return row
}
