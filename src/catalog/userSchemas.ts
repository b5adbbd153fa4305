import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** What Supabase installs beside the team's own schemas, and upgrades itself. */
const platformSchemas = [
  'auth',
  'extensions',
  'graphql',
  'graphql_public',
  'net',
  'pgbouncer',
  'pgsodium',
  'pgsodium_masks',
  'realtime',
  '_realtime',
  'storage',
  'supabase_functions',
  'supabase_migrations',
  'vault',
]

/**
 * The schemas whose objects are the team's to change: not PostgreSQL's own, not an extension's, not our ledger's,
 * and not a platform's. Names such as `auth` are a platform's only where its roles are there too.
 */
export async function listUserSchemas(db: Database): Promise<string[]> {
  const result = await sql<{ name: string }>`
    SELECT namespace.nspname AS name
    FROM pg_catalog.pg_namespace namespace
    WHERE namespace.nspname !~ '^pg_' AND namespace.nspname NOT IN ('information_schema', 'hundredfold')
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend depend
        WHERE depend.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
          AND depend.objid = namespace.oid AND depend.deptype = 'e')
      AND NOT (
        namespace.nspname = ANY (${platformSchemas})
        AND (SELECT count(*) = 3 FROM pg_catalog.pg_roles
             WHERE rolname IN ('anon', 'authenticated', 'service_role')))
    ORDER BY 1`.execute(db)
  return result.rows.map(({ name }) => name)
}
