import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

/** What pg_stat_database counted for this database since the statistics were reset. */
export interface DatabaseCounters {
  name: string
  blocksHit: number
  blocksRead: number
  temporaryFiles: number
  temporaryBytes: number
  sizeBytes: number
}

export async function findDatabaseCounters(db: Database): Promise<DatabaseCounters> {
  const result = await sql<DatabaseCounters>`
    SELECT datname AS name, blks_hit::float8 AS "blocksHit", blks_read::float8 AS "blocksRead",
      temp_files::float8 AS "temporaryFiles", temp_bytes::float8 AS "temporaryBytes",
      pg_catalog.pg_database_size(datid)::float8 AS "sizeBytes"
    FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the server counts nothing for this database')
  return row
}
