import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'

/** A function or procedure that is the team's own, and whether it says where names are looked for. */
export interface FunctionSearchPath {
  oid: number
  schema: string
  setsSearchPath: boolean
  /** A body in the style of the standard: its names were resolved when it was created. */
  isResolved: boolean
}

/** Every function and procedure outside of the system's schemas and of extensions. */
export async function listFunctionSearchPaths(db: Database): Promise<FunctionSearchPath[]> {
  const { rows } = await sql<FunctionSearchPath>`
    SELECT function.oid, namespace.nspname::text AS schema,
      EXISTS (SELECT FROM pg_catalog.unnest(function.proconfig) AS setting
        WHERE pg_catalog.starts_with(setting, 'search_path=')) AS "setsSearchPath",
      function.prosqlbody IS NOT NULL AS "isResolved"
    FROM pg_catalog.pg_proc function
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = function.pronamespace
    JOIN pg_catalog.pg_language language ON language.oid = function.prolang
    WHERE function.prokind IN ('f', 'p') AND language.lanname NOT IN ('c', 'internal')
      AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend depend
        WHERE depend.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND depend.objid = function.oid
          AND depend.deptype = 'e')
    ORDER BY 2, function.proname`.execute(db)
  return rows
}

/** The names of PostgreSQL's own types. */
export async function listBuiltinTypes(db: Database): Promise<Set<string>> {
  const rows = await db
    .selectFrom('pg_catalog.pg_type as type')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'type.typnamespace')
    .select('type.typname as name')
    .where('namespace.nspname', '=', 'pg_catalog')
    .execute()
  return new Set(rows.map(({ name }) => name))
}
