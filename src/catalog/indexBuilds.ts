import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** An index that is being built now in this database. */
export interface IndexBuild {
  pid: number
  index: string
  /** What PostgreSQL is doing: `building index: scanning table`, `waiting for writers before build` ... */
  phase: string
  /** Share of the current phase that is done, 0 to 1. */
  done: number
}

/** Every index build that is under way, from `pg_stat_progress_create_index`. */
export async function listIndexBuilds(db: Database): Promise<IndexBuild[]> {
  const { rows } = await sql<IndexBuild>`
    SELECT build.pid, build.phase, namespace.nspname || '.' || class.relname AS index,
      least(1, CASE
        WHEN build.lockers_total > 0 THEN build.lockers_done::float8 / build.lockers_total
        WHEN build.tuples_total > 0 THEN build.tuples_done::float8 / build.tuples_total
        WHEN build.blocks_total > 0 THEN build.blocks_done::float8 / build.blocks_total
        ELSE 0 END) AS done
    FROM pg_catalog.pg_stat_progress_create_index build
    JOIN pg_catalog.pg_class class ON class.oid = build.index_relid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    -- The view covers the whole server, and other databases use the same oids.
    WHERE build.datname = pg_catalog.current_database()`.execute(db)
  return rows
}

/**
 * Oids of the indexes that a session is building at this moment: invalid, but not left behind. A role that may not see
 * which index another role builds still sees that it builds one, and which table it locks for that.
 */
export async function listIndexesBeingBuilt(db: Database): Promise<Set<number>> {
  const result = await sql<{ oid: number }>`
    SELECT index.indexrelid AS oid
    FROM pg_catalog.pg_stat_progress_create_index build
    JOIN pg_catalog.pg_locks lock ON lock.pid = build.pid AND lock.locktype = 'relation' AND lock.granted
      AND lock.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'AccessExclusiveLock')
    JOIN pg_catalog.pg_index index ON index.indrelid = lock.relation AND NOT index.indisvalid
    WHERE lock.database = (
      SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`.execute(db)
  return new Set(result.rows.map(({ oid }) => oid))
}
