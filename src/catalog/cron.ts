import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'

/** Whether pg_cron is installed in this database, and the session's role may schedule jobs. */
export async function maySchedule(db: Database): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM pg_catalog.pg_extension
    WHERE extname = 'pg_cron' AND EXISTS (
      SELECT FROM pg_catalog.pg_namespace namespace
      WHERE namespace.nspname = 'cron' AND pg_catalog.has_schema_privilege(namespace.oid, 'USAGE'))`.execute(
    db,
  )
  return rows.length > 0
}
