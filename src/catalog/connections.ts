import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** How many sessions the server allows, and how many there are. */
export interface ConnectionUse {
  database: string
  /** `max_connections` without what is kept for superusers and reserved roles. */
  limit: number
  used: number
  /** Sessions in this state. Like the next two, only what the role may see: the state of others may be hidden. */
  active: number
  idle: number
  idleInTransaction: number
  /** `ALTER DATABASE ... CONNECTION LIMIT`; null where there is none. */
  databaseLimit: number | null
  usedInDatabase: number
  /** The current role. */
  role: string
  /** `ALTER ROLE ... CONNECTION LIMIT` of the current role; null where there is none. */
  roleLimit: number | null
  usedByRole: number
}

/** Counts client sessions of the whole server. */
export async function readConnectionUse(db: Database): Promise<ConnectionUse> {
  const result = await sql<ConnectionUse>`
    SELECT pg_catalog.current_database()::text AS database,
      pg_catalog.current_setting('max_connections')::int
        - pg_catalog.current_setting('superuser_reserved_connections')::int
        - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int AS "limit",
      count(*)::int AS used,
      (count(*) FILTER (WHERE state IN ('active', 'fastpath function call')))::int AS active,
      (count(*) FILTER (WHERE state = 'idle'))::int AS idle,
      (count(*) FILTER (WHERE state LIKE 'idle in transaction%'))::int AS "idleInTransaction",
      (SELECT nullif(datconnlimit, -1) FROM pg_catalog.pg_database
        WHERE datname = pg_catalog.current_database()) AS "databaseLimit",
      (count(*) FILTER (WHERE datname = pg_catalog.current_database()))::int AS "usedInDatabase",
      current_user::text AS role,
      (SELECT nullif(rolconnlimit, -1) FROM pg_catalog.pg_roles WHERE rolname = current_user) AS "roleLimit",
      (count(*) FILTER (WHERE usename = current_user))::int AS "usedByRole"
    FROM pg_catalog.pg_stat_activity
    -- Other roles' sessions show neither state nor kind to somebody outside pg_read_all_stats.
    WHERE coalesce(backend_type, 'client backend') = 'client backend' AND datname IS NOT NULL`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the server did not count its sessions')
  return row
}
