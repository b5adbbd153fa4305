import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import type { RelationName } from '../db/identifiers.ts'

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
