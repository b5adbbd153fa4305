import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Checkpoints since the statistics were reset, of the whole server. */
export interface CheckpointCounters {
  timed: number
  requested: number
  resetAt: Date | null
}

/** From pg_stat_checkpointer, which PostgreSQL 17 split off pg_stat_bgwriter. */
export async function findCheckpointCounters(db: Database): Promise<CheckpointCounters> {
  const version = await sql<{ num: number }>`
    SELECT pg_catalog.current_setting('server_version_num')::int AS num`.execute(db)
  const result =
    (version.rows[0]?.num ?? 0) >= 170_000
      ? await sql<CheckpointCounters>`
          SELECT num_timed::float8 AS timed, num_requested::float8 AS requested, stats_reset AS "resetAt"
          FROM pg_catalog.pg_stat_checkpointer`.execute(db)
      : await sql<CheckpointCounters>`
          SELECT checkpoints_timed::float8 AS timed, checkpoints_req::float8 AS requested, stats_reset AS "resetAt"
          FROM pg_catalog.pg_stat_bgwriter`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the server counts no checkpoints')
  return row
}
