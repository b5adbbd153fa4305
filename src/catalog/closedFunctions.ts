import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/**
 * By the policy's oid, a function that no role of the policy may execute. Roles that row-level security does not apply
 * to are not counted: superusers, roles with BYPASSRLS, and the owner of a table that does not force it.
 */
export async function listClosedFunctions(db: Database): Promise<Map<number, string>> {
  const { rows } = await sql<{ policy: number; called: string }>`
    SELECT policy.oid AS policy, min(function.oid::pg_catalog.regprocedure::text) AS called
    FROM pg_catalog.pg_policy policy
    JOIN pg_catalog.pg_class class ON class.oid = policy.polrelid
    JOIN pg_catalog.pg_depend depend ON depend.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
      AND depend.objid = policy.oid AND depend.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    JOIN pg_catalog.pg_proc function ON function.oid = depend.refobjid AND function.proacl IS NOT NULL
    WHERE NOT EXISTS (
      SELECT FROM pg_catalog.aclexplode(function.proacl) privilege
      WHERE privilege.privilege_type = 'EXECUTE' AND privilege.grantee = 0)
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_roles role
      WHERE NOT role.rolsuper AND NOT role.rolbypassrls
        AND (class.relforcerowsecurity OR NOT pg_catalog.pg_has_role(role.oid, class.relowner, 'USAGE'))
        AND EXISTS (
          SELECT FROM pg_catalog.unnest(policy.polroles) named
          WHERE CASE WHEN named = 0 THEN true ELSE pg_catalog.pg_has_role(role.oid, named, 'USAGE') END)
        AND pg_catalog.has_function_privilege(role.oid, function.oid, 'EXECUTE'))
    GROUP BY policy.oid`.execute(db)
  return new Map(rows.map(({ policy, called }) => [policy, called]))
}
