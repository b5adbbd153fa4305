import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { Read } from './reader.ts'

/** Who runs the server, as far as that can be seen from inside. */
export type Provider = 'supabase' | 'neon' | 'rds' | 'plain'

/** The server, the database, and who is looking. */
export interface ServerFacts {
  /** Such as `18.4`. */
  version: string
  /** `server_version_num`. */
  versionNumber: number
  provider: Provider
  database: string
  databaseOid: number
  /** Null where the role may not connect to the database it asks about. */
  databaseBytes: number | null
  role: string
  isSuperuser: boolean
  /** The role sees everybody's activity and settings, as members of pg_monitor do. */
  seesAllStatistics: boolean
  isStandby: boolean
  startedAt: Date
  /** When the counters of this database began; the server's start where nobody ever reset them. */
  countersSince: Date
  /** Null where the counters were never reset. */
  statisticsReset: Date | null
  /** The server's clock, not ours. */
  now: Date
}

/** Reads what the server says of itself. */
export async function readServerFacts(_: Database, read: Read): Promise<ServerFacts> {
  return { ...(await read(readServer)), databaseBytes: await read(readDatabaseBytes) }
}

/** Bytes of the current database: the server looks at every file. Null where the role may not connect to it. */
export async function readDatabaseBytes(db: Database): Promise<number | null> {
  const { rows } = await sql<{ bytes: number | null }>`
    SELECT CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT')
      THEN pg_catalog.pg_database_size(oid)::float8 END AS bytes
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`.execute(db)
  return rows[0]?.bytes ?? null
}

/** The same without what costs time. */
export async function readServer(db: Database): Promise<Omit<ServerFacts, 'databaseBytes'>> {
  const result = await sql<Omit<ServerFacts, 'databaseBytes'>>`
    SELECT pg_catalog.current_setting('server_version') AS version,
      pg_catalog.current_setting('server_version_num')::int AS "versionNumber",
      CASE
        WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'supabase_admin') THEN 'supabase'
        WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'neon_superuser') THEN 'neon'
        WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname IN ('rdsadmin', 'rds_superuser')) THEN 'rds'
        ELSE 'plain'
      END AS provider,
      database.datname::text AS database, database.oid AS "databaseOid",
      current_user::text AS role,
      (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS "isSuperuser",
      pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS "seesAllStatistics",
      pg_catalog.pg_is_in_recovery() AS "isStandby",
      pg_catalog.pg_postmaster_start_time() AS "startedAt",
      coalesce(stat.stats_reset, pg_catalog.pg_postmaster_start_time()) AS "countersSince",
      stat.stats_reset AS "statisticsReset",
      pg_catalog.now() AS now
    FROM pg_catalog.pg_database database
    LEFT JOIN pg_catalog.pg_stat_database stat ON stat.datid = database.oid
    WHERE database.datname = pg_catalog.current_database()`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the server did not say which database this is')
  return row
}
