import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { Read } from './reader.ts'

/** A session of the server. Null means hidden from the current role, or no transaction. */
export interface Session {
  pid: number
  /** What tells two sessions with the same process id apart; PostgreSQL's own text, to the microsecond. */
  startedAt: string
  /** `client backend`, `walsender`, `autovacuum worker` ...; null where hidden. */
  kind: string | null
  /** A client's, not one of PostgreSQL's own such as autovacuum; a hidden session counts as a client's. */
  isClient: boolean
  /** Null for a process that belongs to no database. */
  database: string | null
  isOfThisDatabase: boolean
  role: string
  isSuperuser: boolean
  application: string
  /** Where the client is: an address, `local` for a socket, null where hidden. */
  address: string | null
  state: string | null
  /** When it changed its state, as `startedAt`. */
  stateChangedAt: string | null
  /** Seconds since it connected. */
  connectedSeconds: number | null
  /** Seconds since its transaction began. */
  transactionSeconds: number | null
  /** Seconds since it changed its state. */
  stateSeconds: number | null
  /** Transactions begun since its snapshot: VACUUM must keep the rows that died since then. */
  snapshotAge: number | null
  /** What it waits for at this moment: `Lock: relation`, `Client: ClientRead`. */
  waitsFor: string | null
  /** The current statement, or the last one of an idle session. It may hold values of rows. */
  statement: string | null
  /** Whether the current role may see more than that it exists. */
  isVisible: boolean
}

/** Client sessions in this database except our own, those with the oldest transactions first. */
export async function listClientSessions(_: Database, read: Read): Promise<Session[]> {
  return (await read(listSessions)).filter(({ isClient }) => isClient)
}

/** All sessions in this database except our own, in the same order. */
export async function listSessions(_: Database, read: Read): Promise<Session[]> {
  return (await read(listServerSessions)).filter(({ isOfThisDatabase }) => isOfThisDatabase)
}

/** All sessions of the server except our own, in the same order. */
export async function listServerSessions(db: Database): Promise<Session[]> {
  const result = await sql<Session>`
    SELECT activity.pid, activity.backend_start::text AS "startedAt", activity.backend_type AS kind,
      coalesce(activity.backend_type, 'client backend') = 'client backend' AS "isClient",
      activity.datname::text AS database,
      coalesce(activity.datname = pg_catalog.current_database(), false) AS "isOfThisDatabase",
      coalesce(activity.usename::text, '') AS role, coalesce(role.rolsuper, false) AS "isSuperuser",
      coalesce(activity.application_name, '') AS application,
      CASE WHEN activity.client_addr IS NOT NULL THEN pg_catalog.host(activity.client_addr)
           WHEN activity.client_port = -1 THEN 'local' END AS address,
      activity.state, activity.state_change::text AS "stateChangedAt",
      extract(epoch FROM clock_timestamp() - activity.backend_start)::float8 AS "connectedSeconds",
      extract(epoch FROM clock_timestamp() - activity.xact_start)::float8 AS "transactionSeconds",
      extract(epoch FROM clock_timestamp() - activity.state_change)::float8 AS "stateSeconds",
      pg_catalog.age(activity.backend_xmin)::float8 AS "snapshotAge",
      activity.wait_event_type || ': ' || activity.wait_event AS "waitsFor",
      nullif(activity.query, '<insufficient privilege>') AS statement,
      activity.query IS DISTINCT FROM '<insufficient privilege>' AS "isVisible"
    FROM pg_catalog.pg_stat_activity activity
    LEFT JOIN pg_catalog.pg_roles role ON role.oid = activity.usesysid
    WHERE activity.pid <> pg_catalog.pg_backend_pid()
    ORDER BY activity.xact_start, activity.pid`.execute(db)
  return result.rows
}
