import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** A privilege on a table: on all of it, or on some columns only. */
export type Grant = 'table' | 'columns' | null

/** What one role may do with one table, as far as the catalog says. */
export interface TableAccess {
  tableOid: number
  /** `public` for a role that is in none of the others: no role can be called that. */
  role: string
  /** The role has BYPASSRLS. */
  bypasses: boolean
  /** Row-level security does not stop it here: it is off, the role bypasses it, or it has the owner's rights. */
  isExempt: boolean
  select: Grant
  insert: Grant
  update: Grant
  delete: Grant
  /** The policies that apply to it: those TO PUBLIC, and those to a role whose privileges it has. */
  policyOids: number[]
}

/** Of more roles the rest is left out, never those of an API: a platform may have one for each tenant. */
export const mostRoles = 50

/**
 * What `anon`, `authenticated`, `service_role` and every role that a policy or a grant names may do with each table
 * outside of the system's schemas. Superusers are left out, and so are grants to the owner itself.
 */
export async function listTableAccess(db: Database): Promise<TableAccess[]> {
  const { rows } = await sql<TableAccess>`
    WITH tables AS (
      SELECT class.oid, class.relnamespace, class.relowner, class.relacl, class.relrowsecurity,
        class.relforcerowsecurity
      FROM pg_catalog.pg_class class
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      WHERE class.relkind IN ('r', 'p') AND class.relpersistence <> 't'
        AND namespace.nspname !~ '^pg_' AND namespace.nspname NOT IN ('information_schema', 'hundredfold')
    ),
    named AS (
      SELECT pg_catalog.unnest(policy.polroles) AS oid
      FROM pg_catalog.pg_policy policy JOIN tables ON tables.oid = policy.polrelid
      UNION
      SELECT acl.grantee FROM tables CROSS JOIN pg_catalog.aclexplode(tables.relacl) acl
      WHERE acl.grantee <> tables.relowner
        AND acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
      UNION
      SELECT acl.grantee FROM tables
      JOIN pg_catalog.pg_attribute attribute ON attribute.attrelid = tables.oid AND attribute.attacl IS NOT NULL
      CROSS JOIN pg_catalog.aclexplode(attribute.attacl) acl
      WHERE acl.grantee <> tables.relowner AND acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE')
    ),
    roles AS (
      SELECT role.oid, role.rolname::text AS name, role.rolbypassrls AS bypasses
      FROM pg_catalog.pg_roles role
      WHERE NOT role.rolsuper AND role.rolname !~ '^pg_'
        AND (role.rolname IN ('anon', 'authenticated', 'service_role')
          OR role.oid IN (SELECT oid FROM named))
      UNION ALL
      SELECT 0, 'public', false WHERE EXISTS (SELECT FROM named WHERE oid = 0)
    ),
    listed AS (
      SELECT * FROM roles
      ORDER BY name IN ('anon', 'authenticated', 'service_role', 'public') DESC, name
      LIMIT ${mostRoles}
    )
    SELECT tables.oid AS "tableOid", roles.name AS role, roles.bypasses,
      NOT tables.relrowsecurity OR roles.bypasses
        OR NOT tables.relforcerowsecurity AND pg_catalog.pg_has_role(roles.oid, tables.relowner, 'USAGE')
        AS "isExempt",
      ${grantOf('SELECT')} AS select, ${grantOf('INSERT')} AS insert, ${grantOf('UPDATE')} AS update,
      CASE WHEN schema.usable AND pg_catalog.has_table_privilege(roles.oid, tables.oid, 'DELETE')
        THEN 'table' END AS delete,
      ARRAY(SELECT policy.oid FROM pg_catalog.pg_policy policy
        WHERE policy.polrelid = tables.oid AND (0 = ANY (policy.polroles)
          OR EXISTS (SELECT FROM pg_catalog.unnest(policy.polroles) member (oid)
            WHERE pg_catalog.pg_has_role(roles.oid, member.oid, 'USAGE')))) AS "policyOids"
    FROM tables CROSS JOIN listed roles
    CROSS JOIN LATERAL (
      SELECT pg_catalog.has_schema_privilege(roles.oid, tables.relnamespace, 'USAGE') AS usable) schema
    ORDER BY tables.oid, roles.name`.execute(db)
  return rows
}

/** On all of the table, on some of its columns, or not at all; nothing where the role may not use the schema. */
function grantOf(privilege: 'SELECT' | 'INSERT' | 'UPDATE') {
  return sql`CASE WHEN NOT schema.usable THEN NULL
    WHEN pg_catalog.has_table_privilege(roles.oid, tables.oid, ${privilege}) THEN 'table'
    WHEN pg_catalog.has_any_column_privilege(roles.oid, tables.oid, ${privilege}) THEN 'columns' END`
}
