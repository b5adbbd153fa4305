import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { listRoles } from './roles.ts'

/** Who the session is, and what it may become. */
export interface ActingRole {
  /** The server's major version. */
  version: number
  /** Row-level security never applies to it. */
  isExempt: boolean
  /** Roles that it may act as, itself among them. */
  roles: Set<string>
}

export async function findActingRole(db: Database): Promise<ActingRole> {
  const { rows } = await sql<{ name: string; version: number }>`
    SELECT current_user::text AS name,
      pg_catalog.current_setting('server_version_num')::int / 10000 AS version`.execute(db)
  const roles = await listRoles(db)
  const { name = '', version = 0 } = rows[0] ?? {}
  return {
    version,
    isExempt: roles.some((role) => role.name === name && role.isExempt),
    roles: new Set([name, ...roles.filter(({ mayActAs }) => mayActAs).map((role) => role.name)]),
  }
}
