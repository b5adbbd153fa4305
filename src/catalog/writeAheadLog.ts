import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Bytes that the server has written to the write-ahead log since the reset of pg_stat_wal. */
export async function readWalBytes(db: Database): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    SELECT wal_bytes::float8 AS bytes FROM pg_catalog.pg_stat_wal`.execute(db)
  const [row] = rows
  if (!row) throw new Error('the server does not count its write-ahead log')
  return row.bytes
}

/** What the write-ahead log takes on disk. Members of pg_monitor may look. */
export async function readWalFiles(db: Database): Promise<{ files: number; bytes: number }> {
  const { rows } = await sql<{ files: number; bytes: number }>`
    SELECT count(*)::int AS files, coalesce(sum(size), 0)::float8 AS bytes FROM pg_catalog.pg_ls_waldir()
    WHERE name ~ '^[0-9A-F]{24}$'`.execute(db)
  return rows[0] ?? { files: 0, bytes: 0 }
}
