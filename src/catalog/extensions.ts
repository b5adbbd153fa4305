import type { Database } from '../postgres/database.ts'

/** An extension that the server offers, and the version that this database has installed, if any. */
export interface AvailableExtension {
  name: string
  defaultVersion: string
  installedVersion: string | null
}

/** What the server knows of the extension; undefined where its files are not there. */
export async function findExtension(db: Database, name: string): Promise<AvailableExtension | undefined> {
  return db
    .selectFrom('pg_catalog.pg_available_extensions')
    .select(['name', 'default_version as defaultVersion', 'installed_version as installedVersion'])
    .where('name', '=', name)
    .executeTakeFirst()
}

/**
 * Whether the server loaded the extension's library at its start, as `shared_preload_libraries` asks for. Only
 * superusers may read that setting; the library's own settings (`pg_stat_statements.max`) show it to everybody.
 */
export async function libraryIsPreloaded(db: Database, name: string): Promise<boolean> {
  const setting = await db
    .selectFrom('pg_catalog.pg_settings')
    .select('name')
    .where('name', 'like', `${name.replaceAll('_', '\\_')}.%`)
    .where('context', '=', 'postmaster')
    .executeTakeFirst()
  return setting !== undefined
}
