import type { Sql } from '../postgres/sql.ts'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { Policy } from './policies.ts'
import type { Relation } from './relations.ts'
import { parseOptions } from './relations.ts'

/** A role of the server. */
export interface Role {
  name: string
  /** Row-level security never applies to it: a superuser, or a role with BYPASSRLS. */
  isExempt: boolean
  /** The session may act as it (SET ROLE). */
  mayActAs: boolean
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

async function selectRoles(db: Database, condition: Sql<unknown>): Promise<Role[]> {
  const { rows } = await sql<Omit<Role, 'settings'> & { settings: string[] }>`
    SELECT ${parts}, coalesce(role.rolconfig, '{}') AS settings
    FROM pg_catalog.pg_roles role
    WHERE ${condition}
    ORDER BY 1`.execute(db)
  return rows.map((row) => ({ ...row, settings: parseOptions(row.settings) }))
}

/** PostgreSQL 16 distinguishes a member that may act as the role from one that only has its rights. */
const parts = sql`role.rolname::text AS name, role.rolsuper OR role.rolbypassrls AS "isExempt",
  pg_catalog.pg_has_role(session_user, role.oid,
    CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    AS "mayActAs"`

/** A role that rows can be read as, and how it relates to the table's policies. */
export interface EndRole extends Omit<Role, 'settings'> {
  /** The roles whose policies apply to it: itself, and those whose privileges it inherits. */
  inherits: string[]
}

/**
 * The roles that the table's policies may apply to: those that a policy names, those with a privilege on the table, and
 * the ones that Supabase gives every request. The owner is left out. `policies` are all that are compared, current and
 * future ones.
 */
export async function listEndRoles(db: Database, table: Relation, policies: Policy[]): Promise<EndRole[]> {
  const named = [...new Set(policies.flatMap(({ roles }) => roles))]
  const { rows } = await sql<EndRole>`
    SELECT ${parts},
      ARRAY(SELECT other.rolname::text FROM pg_catalog.pg_roles other
            WHERE other.rolname::text = ANY (${named}::text[])
              AND pg_catalog.pg_has_role(role.oid, other.oid, 'USAGE')) AS inherits
    FROM pg_catalog.pg_roles role
    WHERE role.rolname::text = ANY (${named}::text[])
      OR role.rolname IN ('anon', 'authenticated', 'service_role')
      OR role.oid IN (
        SELECT privilege.grantee FROM pg_catalog.pg_class class, pg_catalog.aclexplode(class.relacl) privilege
        WHERE class.oid = ${table.oid} AND privilege.grantee <> class.relowner)
    ORDER BY role.rolname <> 'authenticated', NOT role.rolname::text = ANY (${named}::text[]), role.rolname`.execute(
    db,
  )
  return rows
}

/**
 * A role that sees every row of the table: the session's own, the owner, or one with BYPASSRLS that the session may act
 * as; undefined if FORCE ROW LEVEL SECURITY leaves none.
 */
export async function findReader(db: Database, table: Relation): Promise<string | undefined> {
  const { rows } = await sql<{ name: string }>`
    SELECT role.rolname::text AS name
    FROM pg_catalog.pg_roles role, pg_catalog.pg_class class
    WHERE class.oid = ${table.oid}
      AND pg_catalog.pg_has_role(session_user, role.oid, 'MEMBER')
      AND (role.rolsuper OR role.rolbypassrls OR NOT class.relrowsecurity
        OR NOT class.relforcerowsecurity AND pg_catalog.pg_has_role(role.oid, class.relowner, 'USAGE'))
      AND (role.rolsuper OR pg_catalog.has_table_privilege(role.oid, class.oid, 'SELECT'))
    ORDER BY role.rolname <> current_user, role.oid <> class.relowner, role.rolname
    LIMIT 1`.execute(db)
  return rows[0]?.name
}
