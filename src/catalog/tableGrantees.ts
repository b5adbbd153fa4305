import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/**
 * By the oid of each table with row-level security: the roles that it applies to and that can reach the table. Such a
 * role may use the schema and was granted a privilege on the table or on columns of it. Row-level security does not
 * apply to the owner, roles with the owner's rights, superusers and roles with BYPASSRLS. A grant to every role appears
 * as `public`, which no role can be called.
 */
export async function listTableGrantees(db: Database): Promise<Map<number, string[]>> {
  const { rows } = await sql<{ oid: number; grantees: string[] }>`
    WITH secured AS (
      SELECT oid, relnamespace, relowner, relforcerowsecurity,
        coalesce(relacl, pg_catalog.acldefault('r', relowner)) AS acl
      FROM pg_catalog.pg_class WHERE relrowsecurity AND relkind IN ('r', 'p')
    ),
    role AS (
      SELECT oid, rolname FROM pg_catalog.pg_roles
      WHERE NOT rolsuper AND NOT rolbypassrls AND rolname !~ '^pg_'
    ),
    granted AS (
      SELECT secured.oid, acl.grantee FROM secured CROSS JOIN pg_catalog.aclexplode(secured.acl) acl
      WHERE acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
      UNION
      SELECT secured.oid, acl.grantee FROM secured
      JOIN pg_catalog.pg_attribute attribute ON attribute.attrelid = secured.oid AND attribute.attacl IS NOT NULL
      CROSS JOIN pg_catalog.aclexplode(attribute.attacl) acl
      WHERE acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE')
    ),
    reaching AS (
      SELECT DISTINCT secured.oid, CASE granted.grantee WHEN 0 THEN 'public' ELSE role.rolname::text END AS name
      FROM granted
      JOIN secured ON secured.oid = granted.oid
      JOIN role ON granted.grantee IN (role.oid, 0)
      WHERE pg_catalog.has_schema_privilege(role.oid, secured.relnamespace, 'USAGE')
        AND (secured.relforcerowsecurity OR NOT pg_catalog.pg_has_role(role.oid, secured.relowner, 'USAGE'))
    )
    SELECT oid, pg_catalog.array_agg(name ORDER BY name) AS grantees FROM reaching GROUP BY oid`.execute(db)
  return new Map(rows.map(({ oid, grantees }) => [oid, grantees]))
}
