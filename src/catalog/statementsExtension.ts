import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Whether pg_stat_statements is available here. */
export interface StatementsExtension {
  isInstalled: boolean
  isAvailable: boolean
  /** Its library is loaded (shared_preload_libraries): its settings show that to everybody. */
  isLoaded: boolean
  /** Where extensions go: `extensions` where there is such a schema, else `public`. */
  schema: string
}

export async function findStatementsExtension(db: Database): Promise<StatementsExtension> {
  const result = await sql<StatementsExtension>`
    SELECT
      EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_stat_statements') AS "isInstalled",
      EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_stat_statements') AS "isAvailable",
      EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.max') AS "isLoaded",
      CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'extensions')
        THEN 'extensions' ELSE 'public' END AS schema`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the server did not list its extensions')
  return row
}
