import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { Database } from '../postgres/database.ts'
import { parseOptions } from './relations.ts'

/** A role of the server. */
export interface Role {
  name: string
  isSuperuser: boolean
  bypassesRowSecurity: boolean
  /** The session may act as it (SET ROLE). */
  isOurs: boolean
  /** What `ALTER ROLE ... SET` set for every database, by name. */
  settings: Record<string, string>
}

/** Every role, by name. */
export async function listRoles(db: Database): Promise<Role[]> {
  return selectRoles(db, sql`true`)
}

/** The role of that name, or undefined. */
export async function findRole(db: Database, name: string): Promise<Role | undefined> {
  const [found] = await selectRoles(db, sql`role.rolname = ${name}`)
  return found
}

/** Whether row-level security does not apply to the role. */
export function isExempt({ isSuperuser, bypassesRowSecurity }: Role): boolean {
  return isSuperuser || bypassesRowSecurity
}

async function selectRoles(db: Database, condition: RawBuilder<unknown>): Promise<Role[]> {
  const { rows } = await sql<Omit<Role, 'settings'> & { settings: string[] }>`
    SELECT role.rolname::text AS name, role.rolsuper AS "isSuperuser", role.rolbypassrls AS "bypassesRowSecurity",
      ${mayActAs(sql`current_user`)} AS "isOurs", coalesce(role.rolconfig, '{}') AS settings
    FROM pg_catalog.pg_roles role
    WHERE ${condition}
    ORDER BY 1`.execute(db)
  return rows.map((row) => ({ ...row, settings: parseOptions(row.settings) }))
}

/** PostgreSQL 16 tells a member that may act as the role from one that only has its rights. */
function mayActAs(user: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`pg_catalog.pg_has_role(${user}, role.oid,
    CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)`
}
