import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** A table that is being rewritten under an exclusive lock. */
export interface TableRewrite {
  pid: number
  command: string
  phase: string
  table: string
  blocksDone: number
  blocksTotal: number
  seconds: number | null
  /** Sessions that wait for it. */
  blocked: number
  /** Sessions that it waits for itself. */
  blockedBy: number[]
}

/** VACUUM FULL and CLUSTER that run, or wait for their lock, in this database. */
export async function listTableRewrites(db: Database): Promise<TableRewrite[]> {
  const result = await sql<TableRewrite>`
    WITH running AS (
      SELECT progress.pid, progress.command, progress.phase, progress.relid,
        progress.heap_blks_scanned::float8 AS done, progress.heap_blks_total::float8 AS total
      FROM pg_catalog.pg_stat_progress_cluster progress
      WHERE progress.datname = pg_catalog.current_database()
      UNION ALL
      SELECT activity.pid, CASE WHEN activity.query ~* 'cluster' THEN 'CLUSTER' ELSE 'VACUUM FULL' END,
        'waiting for its lock',
        (SELECT lock.relation FROM pg_catalog.pg_locks lock
          WHERE lock.pid = activity.pid AND NOT lock.granted AND lock.locktype = 'relation' LIMIT 1), 0, 0
      FROM pg_catalog.pg_stat_activity activity
      WHERE activity.datname = pg_catalog.current_database() AND activity.wait_event_type = 'Lock'
        AND activity.query ~* '^\\s*(vacuum\\s*(\\(.*)?\\yfull\\y|cluster\\y)'
        AND activity.pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_cluster)
    )
    SELECT running.pid, running.command, running.phase,
      coalesce(running.relid::pg_catalog.regclass::text, '') AS "table", running.done AS "blocksDone",
      running.total AS "blocksTotal",
      extract(epoch FROM clock_timestamp() - activity.query_start)::float8 AS seconds,
      (SELECT count(*) FROM pg_catalog.pg_stat_activity other
        WHERE other.wait_event_type = 'Lock'
          AND running.pid = ANY (pg_catalog.pg_blocking_pids(other.pid)))::int AS blocked,
      pg_catalog.pg_blocking_pids(running.pid) AS "blockedBy"
    FROM running LEFT JOIN pg_catalog.pg_stat_activity activity USING (pid)
    ORDER BY 7 DESC NULLS LAST`.execute(db)
  return result.rows
}
