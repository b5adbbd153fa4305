import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { parseOptions } from './relations.ts'

/**
 * What `ALTER ROLE ... IN DATABASE` set for a role in this database, or `ALTER DATABASE` for all roles where it is null, by
 * name of the setting; undefined where there is no such role.
 */
export async function findSettingsHere(
  db: Database,
  role: string | null,
): Promise<Record<string, string> | undefined> {
  const { rows } = await sql<{ settings: string[] }>`
    SELECT coalesce(own.setconfig, '{}') AS settings
    FROM (SELECT 0::oid AS oid WHERE ${role}::text IS NULL
      UNION ALL SELECT oid FROM pg_catalog.pg_roles WHERE rolname = ${role}::text) whose
    LEFT JOIN pg_catalog.pg_db_role_setting own ON own.setrole = whose.oid
      AND own.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`.execute(
    db,
  )
  const [row] = rows
  return row && parseOptions(row.settings)
}
