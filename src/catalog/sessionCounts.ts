import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { NotSeen } from './notSeen.ts'

/** Sessions in one state, and how long the oldest has been so. */
export interface SessionCount {
  state: string
  sessions: number
  /** Age of the oldest transaction; null where none is open. */
  transactionSeconds: number | null
  /** Since the state changed. */
  stateSeconds: number | null
}

/**
 * Client sessions of this database by state, without our own, counted by the server.
 *
 * @throws NotSeen where the role does not see the state of some
 */
export async function countSessions(db: Database): Promise<SessionCount[]> {
  const { rows } = await sql<SessionCount & { hidden: number }>`
    SELECT coalesce(state, '') AS state, count(*)::int AS sessions,
      (count(*) FILTER (WHERE query = '<insufficient privilege>'))::int AS hidden,
      max(extract(epoch FROM clock_timestamp() - xact_start))::float8 AS "transactionSeconds",
      max(extract(epoch FROM clock_timestamp() - state_change))::float8 AS "stateSeconds"
    FROM pg_catalog.pg_stat_activity
    WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
      AND coalesce(backend_type, 'client backend') = 'client backend'
    GROUP BY 1`.execute(db)
  const hidden = rows.reduce((sum, row) => sum + row.hidden, 0)
  if (hidden > 0) {
    throw new NotSeen(
      `this role does not see what ${hidden} sessions of other roles do; a member of pg_read_all_stats does`,
    )
  }
  // A session that is only just starting has no state yet.
  return rows.filter(({ state }) => state !== '')
}

/** Locks of one mode, granted or waited for. */
export interface LockCount {
  mode: string
  locks: number
}

/** Locks on objects of this database, by mode, without our own. Every role may see them. */
export async function countLocks(db: Database): Promise<LockCount[]> {
  const { rows } = await sql<LockCount>`
    SELECT mode, count(*)::int AS locks FROM pg_catalog.pg_locks
    WHERE database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
    GROUP BY 1`.execute(db)
  return rows
}

/** Sessions of this database that wait for a lock, and for how long the first of them has. */
export interface WaitCount {
  sessions: number
  longestSeconds: number
}

export async function countWaits(db: Database): Promise<WaitCount> {
  const { rows } = await sql<WaitCount>`
    SELECT count(DISTINCT lock.pid)::int AS sessions,
      coalesce(max(extract(epoch FROM clock_timestamp() - lock.waitstart)), 0)::float8 AS "longestSeconds"
    FROM pg_catalog.pg_locks lock
    JOIN pg_catalog.pg_stat_activity activity
      ON activity.pid = lock.pid AND activity.datname = pg_catalog.current_database()
    WHERE NOT lock.granted`.execute(db)
  return rows[0] ?? { sessions: 0, longestSeconds: 0 }
}
