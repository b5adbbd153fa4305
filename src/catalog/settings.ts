import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** A setting of the server as this session sees it. */
export interface Setting {
  name: string
  value: string
  /** What a new session of this role finds, whatever ours has set since. */
  resetValue: string
  /** `8kB`, `ms` ...; null where the value is no quantity. */
  unit: string | null
  /** `postmaster` where only a restart changes it, `user` where anybody may. */
  context: string
  /** `default`, `configuration file` ... */
  source: string
  pendingRestart: boolean
}

/** Every setting that the current role may see, by name: some are for superusers and pg_read_all_settings alone. */
export async function listSettings(db: Database): Promise<Map<string, Setting>> {
  const result = await sql<Setting>`
    SELECT name, setting AS value, reset_val AS "resetValue", unit, context, source,
      pending_restart AS "pendingRestart"
    FROM pg_catalog.pg_settings`.execute(db)
  return new Map(result.rows.map((setting) => [setting.name, setting]))
}

/** The `search_path` with which a new session of this role begins. */
export async function usualSearchPath(db: Database): Promise<string> {
  const { rows } = await sql<{ path: string }>`
    SELECT reset_val AS path FROM pg_catalog.pg_settings WHERE name = 'search_path'`.execute(db)
  return rows[0]?.path ?? '"$user", public'
}

/** A setting in bytes, whatever its unit: `shared_buffers` of 16384 pages of 8 kB. */
export function bytesOf(setting: Pick<Setting, 'value' | 'unit'>): number {
  const [, count = '1', unit = 'B'] = /^(\d*)(B|kB|MB|GB)$/.exec(setting.unit ?? 'B') ?? []
  const scale = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[unit] ?? 1
  return Number(setting.value) * Number(count || 1) * scale
}
