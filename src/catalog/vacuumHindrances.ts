import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** A lock on a table that VACUUM cannot have beside its own. */
export interface VacuumHindrance {
  table: number
  mode: string
  /** Null for a prepared transaction. */
  pid: number | null
  /** Empty where hidden. */
  role: string
  /** The application of a session, the gid of a prepared transaction. */
  name: string
  state: string | null
  /** Since its transaction began, or was prepared; null where hidden. */
  seconds: number | null
}

/**
 * Who holds SHARE UPDATE EXCLUSIVE or a stronger lock on a table of this database: autovacuum leaves such a table out. A
 * session that vacuums or rewrites the table itself is left out, and so is our own.
 */
export async function listVacuumHindrances(db: Database): Promise<VacuumHindrance[]> {
  const result = await sql<VacuumHindrance>`
    SELECT lock.relation AS table, lock.mode, lock.pid,
      coalesce(activity.usename, prepared.owner, '')::text AS role,
      coalesce(activity.application_name, prepared.gid, '') AS name, activity.state,
      extract(epoch FROM clock_timestamp() - coalesce(activity.xact_start, prepared.prepared))::float8 AS seconds
    FROM pg_catalog.pg_locks lock
    LEFT JOIN pg_catalog.pg_stat_activity activity ON activity.pid = lock.pid
    LEFT JOIN pg_catalog.pg_locks own ON lock.pid IS NULL AND own.pid IS NULL
      AND own.virtualtransaction = lock.virtualtransaction AND own.locktype = 'transactionid'
    LEFT JOIN pg_catalog.pg_prepared_xacts prepared ON prepared.transaction = own.transactionid
    WHERE lock.locktype = 'relation' AND lock.granted AND lock.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
      AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND lock.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
        'AccessExclusiveLock')
      AND coalesce(activity.backend_type, '') <> 'autovacuum worker'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum vacuum WHERE vacuum.pid = lock.pid)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_cluster rewrite WHERE rewrite.pid = lock.pid)
    ORDER BY seconds DESC NULLS LAST, lock.pid`.execute(db)
  return result.rows
}

/** The tables that are being vacuumed in this database, by anybody; null among them stands for hidden ones. */
export async function listVacuumedNow(db: Database): Promise<Set<number | null>> {
  const result = await sql<{ table: number | null }>`
    SELECT relid AS table FROM pg_catalog.pg_stat_progress_vacuum
    WHERE datname = pg_catalog.current_database()`.execute(db)
  return new Set(result.rows.map(({ table }) => table))
}
