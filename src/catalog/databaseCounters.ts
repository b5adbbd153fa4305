import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** What pg_stat_database counted for this database since the statistics were reset. */
export interface DatabaseCounters {
  commits: number
  rollbacks: number
  blocksHit: number
  blocksRead: number
  /** Read by scans, of which some were thrown away. */
  rowsReturned: number
  /** Fetched through indexes. */
  rowsFetched: number
  rowsInserted: number
  rowsUpdated: number
  rowsDeleted: number
  temporaryFiles: number
  temporaryBytes: number
  deadlocks: number
  /** Queries of a standby that recovery cancelled. */
  conflicts: number
  /** Processes now: sessions, and workers such as autovacuum's. */
  backends: number
}

/** Reads the counters of the current database. */
export async function readDatabaseCounters(db: Database): Promise<DatabaseCounters> {
  const result = await sql<DatabaseCounters>`
    SELECT xact_commit::float8 AS commits, xact_rollback::float8 AS rollbacks, blks_hit::float8 AS "blocksHit",
      blks_read::float8 AS "blocksRead", tup_returned::float8 AS "rowsReturned", tup_fetched::float8 AS "rowsFetched",
      conflicts::float8 AS conflicts, numbackends AS backends, tup_inserted::float8 AS "rowsInserted",
      tup_updated::float8 AS "rowsUpdated", tup_deleted::float8 AS "rowsDeleted",
      temp_files::float8 AS "temporaryFiles", temp_bytes::float8 AS "temporaryBytes", deadlocks::float8 AS deadlocks
    FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the server keeps no statistics of this database')
  return row
}
