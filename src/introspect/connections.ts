import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

/** How many connections there are and how many there may be. */
export interface ConnectionUse {
  database: string
  /** To every database of the server. */
  used: number
  usedHere: number
  /** For roles that are no superusers, reserved ones taken off. */
  available: number
  /** For this database; null without a limit. */
  availableHere: number | null
  /** Sessions that wait for their client outside a transaction; those of other roles only where they may be seen. */
  idle: number
}

/** Counts sessions; the numbers are for everybody to see, whose they are is not. */
export async function findConnectionUse(db: Database): Promise<ConnectionUse> {
  const result = await sql<ConnectionUse>`
    SELECT pg_catalog.current_database()::text AS database,
      (SELECT sum(numbackends) FROM pg_catalog.pg_stat_database WHERE datid <> 0)::float8 AS used,
      (SELECT numbackends FROM pg_catalog.pg_stat_database
       WHERE datname = pg_catalog.current_database())::float8 AS "usedHere",
      (pg_catalog.current_setting('max_connections')::int
        - pg_catalog.current_setting('superuser_reserved_connections')::int
        - coalesce(pg_catalog.current_setting('reserved_connections', true)::int, 0))::float8 AS available,
      (SELECT nullif(datconnlimit, -1)::float8 FROM pg_catalog.pg_database
       WHERE datname = pg_catalog.current_database()) AS "availableHere",
      (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'idle')::float8 AS idle`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the server did not say how many connections there are')
  return row
}
