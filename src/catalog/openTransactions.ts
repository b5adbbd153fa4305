import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'

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
