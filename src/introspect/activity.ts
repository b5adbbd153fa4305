import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

/** How many sessions the server lets in, and how many are there. */
export interface ConnectionUse {
  /** `max_connections` without what is kept for superusers and reserved roles. */
  limit: number
  used: number
  active: number
  idle: number
  idleInTransaction: number
  /** `ALTER DATABASE ... CONNECTION LIMIT`; null where there is none. */
  databaseLimit: number | null
  usedInDatabase: number
  /** `ALTER ROLE ... CONNECTION LIMIT` of the current role; null where there is none. */
  roleLimit: number | null
  usedByRole: number
}

/** Counts client sessions of the whole server. */
export async function readConnectionUse(db: Database): Promise<ConnectionUse> {
  const result = await sql<ConnectionUse>`
    SELECT pg_catalog.current_setting('max_connections')::int
        - pg_catalog.current_setting('superuser_reserved_connections')::int
        - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int AS "limit",
      count(*)::int AS used,
      (count(*) FILTER (WHERE state IN ('active', 'fastpath function call')))::int AS active,
      (count(*) FILTER (WHERE state = 'idle'))::int AS idle,
      (count(*) FILTER (WHERE state LIKE 'idle in transaction%'))::int AS "idleInTransaction",
      (SELECT nullif(datconnlimit, -1) FROM pg_catalog.pg_database
        WHERE datname = pg_catalog.current_database()) AS "databaseLimit",
      (count(*) FILTER (WHERE datname = pg_catalog.current_database()))::int AS "usedInDatabase",
      (SELECT nullif(rolconnlimit, -1) FROM pg_catalog.pg_roles WHERE rolname = current_user) AS "roleLimit",
      (count(*) FILTER (WHERE usename = current_user))::int AS "usedByRole"
    FROM pg_catalog.pg_stat_activity
    -- Other roles' sessions show neither state nor kind to somebody outside pg_read_all_stats.
    WHERE coalesce(backend_type, 'client backend') = 'client backend' AND datname IS NOT NULL`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the server did not count its sessions')
  return row
}

/** Sessions that look alike. */
export interface SessionGroup {
  user: string
  application: string
  state: string
  sessions: number
  /** Seconds since the one that has been in this state longest came into it. */
  longestSeconds: number | null
}

/** Client sessions of this database by user, application and state. */
export async function listSessionGroups(db: Database): Promise<SessionGroup[]> {
  const result = await sql<SessionGroup>`
    SELECT coalesce(usename, '')::text AS "user", coalesce(application_name, '') AS application,
      coalesce(state, 'not shown to this role') AS state, count(*)::int AS sessions,
      max(extract(epoch FROM clock_timestamp() - state_change))::float8 AS "longestSeconds"
    FROM pg_catalog.pg_stat_activity
    WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
      AND coalesce(backend_type, 'client backend') = 'client backend'
    GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT 50`.execute(db)
  return result.rows
}

/** A session that waits for a lock, and who holds it. */
export interface LockWait {
  pid: number
  user: string
  waitedSeconds: number | null
  /** The relation waited for, where it is one. */
  relation: string | null
  mode: string | null
  blockedBy: number[]
  /** What the first blocker is doing. */
  blockerState: string | null
  blockerSeconds: number | null
}

/** Sessions of this database that wait for a lock now, the longest wait first. */
export async function listLockWaits(db: Database): Promise<LockWait[]> {
  const result = await sql<LockWait>`
    SELECT waiter.pid, coalesce(waiter.usename, '')::text AS "user",
      extract(epoch FROM clock_timestamp() - waiter.query_start)::float8 AS "waitedSeconds",
      wanted.relation::pg_catalog.regclass::text AS relation, wanted.mode,
      blockers.pids AS "blockedBy", blocker.state AS "blockerState",
      extract(epoch FROM clock_timestamp() - blocker.xact_start)::float8 AS "blockerSeconds"
    FROM pg_catalog.pg_stat_activity waiter
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_blocking_pids(waiter.pid) AS pids) blockers
    LEFT JOIN LATERAL (
      SELECT relation, mode FROM pg_catalog.pg_locks WHERE pid = waiter.pid AND NOT granted LIMIT 1
    ) wanted ON true
    LEFT JOIN pg_catalog.pg_stat_activity blocker ON blocker.pid = blockers.pids[1]
    WHERE waiter.wait_event_type = 'Lock' AND waiter.datname = pg_catalog.current_database()
    ORDER BY 3 DESC NULLS LAST LIMIT 50`.execute(db)
  return result.rows
}

/** A transaction that has been open for a while. */
export interface OpenTransaction {
  pid: number
  user: string
  application: string
  state: string
  seconds: number
  waitsFor: string | null
}

/** Transactions of this database that are older than a second, the oldest first. */
export async function listOpenTransactions(db: Database): Promise<OpenTransaction[]> {
  const result = await sql<OpenTransaction>`
    SELECT pid, coalesce(usename, '')::text AS "user", coalesce(application_name, '') AS application,
      coalesce(state, '') AS state, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds,
      CASE WHEN wait_event_type IS NOT NULL THEN wait_event_type || ': ' || wait_event END AS "waitsFor"
    FROM pg_catalog.pg_stat_activity
    WHERE xact_start < clock_timestamp() - interval '1 second' AND pid <> pg_catalog.pg_backend_pid()
      AND datname = pg_catalog.current_database()
    ORDER BY xact_start LIMIT 50`.execute(db)
  return result.rows
}

/** A table that is being written anew under an exclusive lock. */
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
