import type { RawBuilder } from 'kysely'
import { sql } from 'kysely'
import type { Database } from '../../postgres/database.ts'

/** A function outside of pg_catalog that policies call. */
export interface CatalogFunction {
  oid: number
  schema: string
  name: string
  /** As `pg_get_function_identity_arguments` prints them: what names the function in DDL. */
  identityArguments: string
  /** The names of the parameters, empty for one without a name; by position. */
  argumentNames: string[]
  /** Types of the input parameters as `format_type` prints them. */
  argumentTypes: string[]
  /** How many of the last parameters have a default. */
  defaults: number
  isVariadic: boolean
  /** `f` function, `a` aggregate, `w` window function, `p` procedure. */
  kind: string
  /** `i` IMMUTABLE, `s` STABLE, `v` VOLATILE. */
  volatility: 'i' | 's' | 'v'
  returnsSet: boolean
  /** As `format_type` prints it. */
  returnType: string
  isStrict: boolean
  isLeakproof: boolean
  isSecurityDefiner: boolean
  language: string
  /** `SET name = value` clauses: `search_path=""`. */
  settings: string[]
  owner: string
  /** The session's role owns it or is a member of its owner. */
  isOurs: boolean
  /** The session's role may call it. */
  mayExecute: boolean
  /** Roles with EXECUTE, `''` for PUBLIC; null where the default holds: PUBLIC. */
  grantees: string[] | null
  /** Text between the quotes; empty for a body in the style of the standard, and for other languages a symbol. */
  source: string
  /** The whole CREATE FUNCTION; empty for aggregates and window functions. */
  definition: string
}

/** What the server's own functions of one name have in common. */
export interface BuiltinFunction {
  /** The most volatile of the overloads. */
  volatility: 'i' | 's' | 'v'
  returnsSet: boolean
  /** Every overload is an ordinary function: no aggregate, no window function. */
  isOrdinary: boolean
  /** As `format_type` prints it, where all overloads return the same; else null. */
  returnType: string | null
}

/** What the functions, operators and casts of expressions are. */
export interface Functions {
  byOid: Map<number, CatalogFunction>
  /** Functions of pg_catalog by name. */
  builtin: Map<string, BuiltinFunction>
  /** Operators whose function is VOLATILE or that live outside of pg_catalog: name -> volatility, by `schema.name`. */
  operators: Map<string, 'i' | 's' | 'v'>
  /** Names of operators outside of pg_catalog for types of pg_catalog: which one is meant hangs on search_path. */
  openOperators: Set<string>
  /** Types, as `format_type` prints them, a cast to which may run code of the database's owner for each value. */
  typesWithCode: Set<string>
}

/** Properties of the functions with these oids, and of the server's own. */
export async function readFunctions(db: Database, oids: number[]): Promise<Functions> {
  const functions = await readByOid(db, oids)
  return {
    byOid: new Map(functions.map((each) => [each.oid, each])),
    builtin: await readBuiltin(db),
    operators: await readOperators(db),
    openOperators: await readOpenOperators(db),
    typesWithCode: await readTypesWithCode(db),
  }
}

async function readByOid(db: Database, oids: number[]): Promise<CatalogFunction[]> {
  return oids.length === 0 ? [] : selectFunctions(db, sql`p.oid = ANY (${oids}::oid[])`)
}

/** Every function outside of pg_catalog that has one of these names, in whatever schema. */
export async function readFunctionsNamed(db: Database, names: string[]): Promise<CatalogFunction[]> {
  if (names.length === 0) return []
  return selectFunctions(
    db,
    sql`p.proname = ANY (${names}::name[]) AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
  )
}

/** The functions for which the condition on pg_proc `p` and pg_namespace `n` holds. */
export async function selectFunctions(
  db: Database,
  condition: RawBuilder<unknown>,
): Promise<CatalogFunction[]> {
  const { rows } = await sql<CatalogFunction>`
    SELECT p.oid, n.nspname::text AS schema, p.proname::text AS name,
      pg_catalog.pg_get_function_identity_arguments(p.oid) AS "identityArguments",
      coalesce(p.proargnames, '{}') AS "argumentNames",
      ARRAY(SELECT pg_catalog.format_type(t, NULL) FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS u(t, n)
            ORDER BY u.n) AS "argumentTypes",
      p.pronargdefaults AS defaults, p.provariadic <> 0 AS "isVariadic", p.prokind::text AS kind,
      p.provolatile::text AS volatility, p.proretset AS "returnsSet",
      pg_catalog.format_type(p.prorettype, NULL) AS "returnType",
      p.proisstrict AS "isStrict", p.proleakproof AS "isLeakproof", p.prosecdef AS "isSecurityDefiner",
      l.lanname::text AS language, coalesce(p.proconfig, '{}') AS settings,
      pg_catalog.pg_get_userbyid(p.proowner)::text AS owner,
      pg_catalog.pg_has_role(p.proowner, 'USAGE') AS "isOurs",
      pg_catalog.has_function_privilege(p.oid, 'EXECUTE') AS "mayExecute",
      CASE WHEN p.proacl IS NOT NULL THEN ARRAY(
        SELECT coalesce(r.rolname::text, '') FROM pg_catalog.aclexplode(p.proacl) x
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
        WHERE x.privilege_type = 'EXECUTE' ORDER BY 1) END AS grantees,
      p.prosrc AS source,
      CASE WHEN p.prokind IN ('f', 'p') THEN pg_catalog.pg_get_functiondef(p.oid) ELSE '' END AS definition
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE ${condition}`.execute(db)
  return rows
}

async function readBuiltin(db: Database): Promise<Map<string, BuiltinFunction>> {
  const { rows } = await sql<BuiltinFunction & { name: string }>`
    SELECT p.proname::text AS name,
      CASE WHEN bool_or(p.provolatile = 'v') THEN 'v' WHEN bool_or(p.provolatile = 's') THEN 's' ELSE 'i' END
        AS volatility,
      bool_or(p.proretset) AS "returnsSet", bool_and(p.prokind = 'f') AS "isOrdinary",
      CASE WHEN min(p.prorettype::int8) = max(p.prorettype::int8)
        THEN pg_catalog.format_type(min(p.prorettype::int8)::oid, NULL) END AS "returnType"
    FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace
    GROUP BY p.proname`.execute(db)
  return new Map(rows.map(({ name, ...each }) => [name, each]))
}

async function readOperators(db: Database): Promise<Map<string, 'i' | 's' | 'v'>> {
  const { rows } = await sql<{ name: string; volatility: 'i' | 's' | 'v' }>`
    SELECT n.nspname || '.' || o.oprname AS name,
      CASE WHEN bool_or(p.provolatile = 'v') THEN 'v' WHEN bool_or(p.provolatile = 's') THEN 's' ELSE 'i' END
        AS volatility
    FROM pg_catalog.pg_operator o
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode
    WHERE n.nspname <> 'pg_catalog' OR p.provolatile = 'v'
    GROUP BY n.nspname, o.oprname`.execute(db)
  return new Map(rows.map(({ name, volatility }) => [name, volatility]))
}

async function readOpenOperators(db: Database): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`
    SELECT DISTINCT o.oprname::text AS name
    FROM pg_catalog.pg_operator o
    LEFT JOIN pg_catalog.pg_type l ON l.oid = o.oprleft
    JOIN pg_catalog.pg_type r ON r.oid = o.oprright
    WHERE o.oprnamespace <> 'pg_catalog'::pg_catalog.regnamespace
      AND coalesce(l.typnamespace, r.typnamespace) = 'pg_catalog'::pg_catalog.regnamespace
      AND r.typnamespace = 'pg_catalog'::pg_catalog.regnamespace`.execute(db)
  return new Set(rows.map(({ name }) => name))
}

/** Domains with constraints, and targets of casts whose function is VOLATILE or the team's own. */
async function readTypesWithCode(db: Database): Promise<Set<string>> {
  const { rows } = await sql<{ type: string }>`
    SELECT pg_catalog.format_type(t.oid, NULL) AS type
    FROM pg_catalog.pg_type t
    WHERE t.typtype = 'd' AND EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid)
    UNION
    SELECT pg_catalog.format_type(k.casttarget, NULL)
    FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_proc p ON p.oid = k.castfunc
    WHERE p.provolatile = 'v' OR (p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'))`.execute(
    db,
  )
  return new Set(rows.map(({ type }) => type))
}
