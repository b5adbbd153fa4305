import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** A session of this database that waits for a lock. */
export interface LockWait {
  pid: number
  role: string
  /** Null where it waits for another transaction and not for a relation as a whole. */
  schema: string | null
  relation: string | null
  /** The table of the row that it waits for, where it waits for a transaction that has changed one. */
  rowOf: { schema: string; name: string } | null
  lockType: string
  mode: string
  seconds: number
  blockedBy: number[]
  /** What the first of the blockers is doing, where the role may see it. */
  blockerState: string | null
}

/** Every wait for a lock that has lasted at least that long, with its blockers. Every role may see locks. */
export async function listLockWaits(db: Database, minimumSeconds: number): Promise<LockWait[]> {
  const result = await sql<LockWait>`
    SELECT lock.pid, coalesce(activity.usename::text, '') AS role, namespace.nspname AS schema,
      class.relname AS relation,
      (SELECT pg_catalog.json_build_object('schema', place.nspname, 'name', row_of.relname)
        FROM pg_catalog.pg_locks tuple JOIN pg_catalog.pg_class row_of ON row_of.oid = tuple.relation
        JOIN pg_catalog.pg_namespace place ON place.oid = row_of.relnamespace
        WHERE tuple.pid = lock.pid AND tuple.locktype = 'tuple' AND lock.relation IS NULL LIMIT 1) AS "rowOf",
      lock.locktype AS "lockType", lock.mode,
      extract(epoch FROM clock_timestamp() - lock.waitstart)::float8 AS seconds,
      blockers.pids AS "blockedBy", blocker.state AS "blockerState"
    FROM pg_catalog.pg_locks lock
    JOIN pg_catalog.pg_stat_activity activity
      ON activity.pid = lock.pid AND activity.datname = pg_catalog.current_database()
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_blocking_pids(lock.pid) AS pids) blockers
    LEFT JOIN pg_catalog.pg_stat_activity blocker ON blocker.pid = blockers.pids[1]
    LEFT JOIN pg_catalog.pg_class class ON class.oid = lock.relation
    LEFT JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE NOT lock.granted AND lock.waitstart <= clock_timestamp() - make_interval(secs => ${minimumSeconds})
    ORDER BY lock.waitstart, lock.pid`.execute(db)
  return result.rows
}
