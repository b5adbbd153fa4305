import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Settings that dashboards show: sizes in bytes. */
export interface SizeSettings {
  sharedBuffers: number
  effectiveCacheSize: number
  workMem: number
  maintenanceWorkMem: number
  maxWalSize: number
  maxConnections: number
}

/** A few settings that every role may see, without the cost of pg_settings. */
export async function readSizeSettings(db: Database): Promise<SizeSettings> {
  const bytes = (name: string) => sql`pg_catalog.pg_size_bytes(pg_catalog.current_setting(${name}))::float8`
  const { rows } = await sql<SizeSettings>`
    SELECT ${bytes('shared_buffers')} AS "sharedBuffers", ${bytes('effective_cache_size')} AS "effectiveCacheSize",
      ${bytes('work_mem')} AS "workMem", ${bytes('maintenance_work_mem')} AS "maintenanceWorkMem",
      ${bytes('max_wal_size')} AS "maxWalSize",
      pg_catalog.current_setting('max_connections')::int AS "maxConnections"`.execute(db)
  const [row] = rows
  if (!row) throw new Error('the server did not tell its settings')
  return row
}
