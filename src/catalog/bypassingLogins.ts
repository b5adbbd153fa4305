import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/**
 * Roles that log in and to which no policy applies, though they are no superusers: by BYPASSRLS of their own. Not those of
 * a platform, which nobody else can change.
 */
export async function listBypassingLogins(db: Database): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT rolname::text AS name FROM pg_catalog.pg_roles
    WHERE rolbypassrls AND rolcanlogin AND NOT rolsuper
      AND NOT (rolname = 'postgres' OR rolname ~ '^(supabase|pg|rds|cloudsql|azure|neon)_')
    ORDER BY 1`.execute(db)
  return rows.map(({ name }) => name)
}
