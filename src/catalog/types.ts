import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** The names of PostgreSQL's own types, without those that a type of another schema has too. */
export async function listBuiltinTypes(db: Database): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`
    SELECT typname::text AS name FROM pg_catalog.pg_type
    GROUP BY typname HAVING bool_and(typnamespace = 'pg_catalog'::pg_catalog.regnamespace)`.execute(db)
  return new Set(rows.map(({ name }) => name))
}

/** The enums, as `format_type` prints them. */
export async function listEnums(db: Database): Promise<Set<string>> {
  const { rows } = await sql<{ type: string }>`
    SELECT pg_catalog.format_type(oid, NULL) AS type FROM pg_catalog.pg_type WHERE typtype = 'e'`.execute(db)
  return new Set(rows.map(({ type }) => type))
}

/**
 * Types, as `format_type` prints them, that may run user-defined code for each value that is cast to them: domains with
 * constraints, and targets of casts whose function is VOLATILE or the team's own.
 */
export async function listTypesWithCode(db: Database): Promise<Set<string>> {
  const { rows } = await sql<{ type: string }>`
    SELECT pg_catalog.format_type(type.oid, NULL) AS type
    FROM pg_catalog.pg_type type
    WHERE type.typtype = 'd' AND EXISTS (SELECT FROM pg_catalog.pg_constraint con WHERE con.contypid = type.oid)
    UNION
    SELECT pg_catalog.format_type(conversion.casttarget, NULL)
    FROM pg_catalog.pg_cast conversion
    JOIN pg_catalog.pg_proc function ON function.oid = conversion.castfunc
    WHERE function.provolatile = 'v' OR (
      function.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend depend
        WHERE depend.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND depend.objid = function.oid
          AND depend.deptype = 'e'))`.execute(db)
  return new Set(rows.map(({ type }) => type))
}
