import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'
import type { Read } from './reader.ts'

/** A session in this database. Null means hidden from the current role, or no transaction. */
export interface Session {
  pid: number
  /** A client's, not one of PostgreSQL's own such as autovacuum; a hidden session counts as a client's. */
  isClient: boolean
  role: string
  application: string
  state: string | null
  /** Seconds since its transaction began. */
  transactionSeconds: number | null
  /** Seconds since it changed its state. */
  stateSeconds: number | null
  /** Transactions begun since its snapshot: VACUUM must keep the rows that died since then. */
  snapshotAge: number | null
  /** What it waits for at this moment: `Lock: relation`, `Client: ClientRead`. */
  waitsFor: string | null
  /** Whether the current role may see more than that it exists. */
  isVisible: boolean
}

/** Client sessions in this database except our own, those with the oldest transactions first. */
export async function listClientSessions(_: Database, read: Read): Promise<Session[]> {
  return (await read(listSessions)).filter(({ isClient }) => isClient)
}

/** All sessions in this database except our own, in the same order. */
export async function listSessions(db: Database): Promise<Session[]> {
  const result = await sql<Session>`
    SELECT activity.pid, coalesce(activity.backend_type, 'client backend') = 'client backend' AS "isClient",
      coalesce(activity.usename::text, '') AS role,
      coalesce(activity.application_name, '') AS application, activity.state,
      extract(epoch FROM clock_timestamp() - activity.xact_start)::float8 AS "transactionSeconds",
      extract(epoch FROM clock_timestamp() - activity.state_change)::float8 AS "stateSeconds",
      pg_catalog.age(activity.backend_xmin)::float8 AS "snapshotAge",
      activity.wait_event_type || ': ' || activity.wait_event AS "waitsFor",
      activity.query IS DISTINCT FROM '<insufficient privilege>' AS "isVisible"
    FROM pg_catalog.pg_stat_activity activity
    WHERE activity.datname = pg_catalog.current_database() AND activity.pid <> pg_catalog.pg_backend_pid()
    ORDER BY activity.xact_start, activity.pid`.execute(db)
  return result.rows
}

/** Transactions that were prepared for two-phase commit in this database and never ended. */
export async function listPreparedTransactions(
  db: Database,
): Promise<{ name: string; role: string; seconds: number }[]> {
  const result = await sql<{ name: string; role: string; seconds: number }>`
    SELECT gid AS name, owner::text AS role, extract(epoch FROM clock_timestamp() - prepared)::float8 AS seconds
    FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY prepared`.execute(
    db,
  )
  return result.rows
}
