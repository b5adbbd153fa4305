import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { listRoles } from './roles.ts'

/** Where names without a schema may be meant. */
export interface SearchPaths {
  /** What `ALTER ROLE ... SET search_path` says, in this database or in all, by role. */
  ofRole: Map<string, string>
  /** Every schema of users, `public` first. */
  all: string
}

export async function readSearchPaths(db: Database): Promise<SearchPaths> {
  const { rows: inDatabase } = await sql<{ role: string; setting: string }>`
    SELECT role.rolname::text AS role, setting.value AS setting
    FROM pg_catalog.pg_db_role_setting own
    JOIN pg_catalog.pg_roles role ON role.oid = own.setrole
    CROSS JOIN LATERAL pg_catalog.unnest(own.setconfig) AS setting (value)
    WHERE own.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND setting.value LIKE 'search\\_path=%'`.execute(db)
  const { rows } = await sql<{ all: string | null }>`
    SELECT pg_catalog.string_agg(pg_catalog.quote_ident(nspname), ', ' ORDER BY nspname <> 'public', nspname) AS "all"
    FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'`.execute(db)
  const ofRole = (await listRoles(db)).flatMap(({ name, settings }): [string, string][] => {
    const path = settings['search_path']
    return path === undefined ? [] : [[name, path]]
  })
  const closer = inDatabase.map(({ role, setting }): [string, string] => [
    role,
    setting.slice('search_path='.length),
  ])
  return { ofRole: new Map([...ofRole, ...closer]), all: rows[0]?.all ?? '' }
}
