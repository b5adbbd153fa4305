import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** The predicates of a policy as `pg_get_expr` prints them; null where the policy has none. */
export interface PolicyPredicates {
  using: string | null
  check: string | null
}

/** The predicates of one policy, or undefined. Read it with an empty `search_path`, so that names are qualified. */
export async function findPolicyPredicates(
  db: Database,
  table: RelationName,
  policy: string,
): Promise<PolicyPredicates | undefined> {
  return db
    .selectFrom('pg_catalog.pg_policy as policy')
    .innerJoin('pg_catalog.pg_class as class', 'class.oid', 'policy.polrelid')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'class.relnamespace')
    .select([
      sql<string | null>`pg_catalog.pg_get_expr(policy.polqual, policy.polrelid)`.as('using'),
      sql<string | null>`pg_catalog.pg_get_expr(policy.polwithcheck, policy.polrelid)`.as('check'),
    ])
    .where('namespace.nspname', '=', table.schema)
    .where('class.relname', '=', table.name)
    .where('policy.polname', '=', policy)
    .executeTakeFirst()
}

/** What each policy of the table says, in one line: command, kind, roles and predicates; by its name. */
export async function listPolicyContents(db: Database, table: RelationName): Promise<Map<string, string>> {
  const { rows } = await sql<{ name: string; content: string }>`
    SELECT policy.polname::text AS name,
      pg_catalog.concat_ws(' ',
        CASE WHEN policy.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
        'FOR ' || policy.polcmd::text,
        'TO ' || CASE WHEN policy.polroles = '{0}' THEN 'PUBLIC' ELSE (
          SELECT pg_catalog.string_agg(pg_catalog.quote_ident(role.rolname), ', ' ORDER BY role.rolname)
          FROM pg_catalog.pg_roles role WHERE role.oid = ANY (policy.polroles)) END,
        'USING (' || pg_catalog.pg_get_expr(policy.polqual, policy.polrelid) || ')',
        'WITH CHECK (' || pg_catalog.pg_get_expr(policy.polwithcheck, policy.polrelid) || ')') AS content
    FROM pg_catalog.pg_policy policy
    JOIN pg_catalog.pg_class class ON class.oid = policy.polrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = ${table.schema} AND class.relname = ${table.name}`.execute(db)
  return new Map(rows.map(({ name, content }) => [name, content]))
}
