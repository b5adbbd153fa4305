import type { Sql } from '../postgres/sql.ts'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { listPolicies } from './policies.ts'
import type { Read } from './reader.ts'
import { parseOptions } from './relations.ts'

/** A function by schema, name and the argument list that `pg_get_function_identity_arguments` prints. */
export interface FunctionName extends RelationName {
  /** What identifies the function in DDL, besides its name. */
  args: string
}

/** What the function was declared as: how far PostgreSQL may reuse its result. */
export type Volatility = 'immutable' | 'stable' | 'volatile'

/** A function or procedure. */
export interface CatalogFunction extends FunctionName {
  oid: number
  /** As `regprocedure` prints it: `auth.uid()`. */
  signature: string
  /** The names of the parameters, empty for one without a name; by position. */
  argumentNames: string[]
  /** Types of the input parameters as `format_type` prints them. */
  argumentTypes: string[]
  /** How many of the last parameters have a default. */
  defaults: number
  isVariadic: boolean
  /** `f` function, `a` aggregate, `w` window function, `p` procedure. */
  kind: string
  volatility: Volatility
  returnsSet: boolean
  /** As `format_type` prints it. */
  returnType: string
  isStrict: boolean
  isLeakproof: boolean
  /** Declared PARALLEL SAFE: a statement that calls it may use parallel workers. */
  isParallelSafe: boolean
  isSecurityDefiner: boolean
  language: string
  /** `SET name = value` clauses, by name. */
  settings: Record<string, string>
  owner: string
  /** The session's role owns it or is a member of its owner. */
  isOurs: boolean
  /** The session's role may call it by its name: it may use the schema too. */
  mayExecute: boolean
  /** Roles with EXECUTE, `''` for PUBLIC; null where the default holds: PUBLIC. */
  grantees: string[] | null
  /** Text between the quotes; empty for an SQL-standard body, a symbol for C and internal functions. */
  source: string
  /** An SQL-standard body: its names were resolved when it was created. */
  isResolved: boolean
  /** The whole CREATE FUNCTION; empty for aggregates and window functions. */
  definition: string
}

const notOfTheSystem = sql`namespace.nspname NOT IN ('pg_catalog', 'information_schema')`

/** The functions that policies call, without the server's own. */
export async function listPolicyFunctions(db: Database, read: Read): Promise<CatalogFunction[]> {
  const oids = [...new Set((await read(listPolicies)).flatMap(({ functionOids }) => functionOids))]
  return oids.length === 0 ? [] : selectFunctions(db, sql`function.oid = ANY (${oids}::oid[])`)
}

/** Every function and procedure whose body can be read, outside of the system's schemas and of extensions. */
export async function listOwnFunctions(db: Database): Promise<CatalogFunction[]> {
  return selectFunctions(
    db,
    sql`${notOfTheSystem} AND namespace.nspname !~ '^pg_' AND function.prokind IN ('f', 'p')
      AND language.lanname NOT IN ('c', 'internal') AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend depend
        WHERE depend.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND depend.objid = function.oid
          AND depend.deptype = 'e')`,
  )
}

/** Every function outside of pg_catalog that has one of these names, in whatever schema. */
export async function findFunctionsNamed(db: Database, names: string[]): Promise<CatalogFunction[]> {
  if (names.length === 0) return []
  return selectFunctions(db, sql`${notOfTheSystem} AND function.proname = ANY (${names}::name[])`)
}

/** The functions with these oids, without the server's own. */
export async function findFunctionsByOid(db: Database, oids: number[]): Promise<CatalogFunction[]> {
  if (oids.length === 0) return []
  return selectFunctions(db, sql`${notOfTheSystem} AND function.oid = ANY (${oids}::oid[])`)
}

/** Oids of the functions and aggregates that extensions brought. */
export async function listExtensionFunctions(db: Database): Promise<Set<number>> {
  const { rows } = await sql<{ oid: number }>`
    SELECT objid AS oid FROM pg_catalog.pg_depend
    WHERE classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND deptype = 'e'`.execute(db)
  return new Set(rows.map(({ oid }) => oid))
}

/** Every function in the schema. */
export async function findFunctionsIn(db: Database, schema: string): Promise<CatalogFunction[]> {
  return selectFunctions(db, sql`namespace.nspname = ${schema}`)
}

/** The function of that name with exactly these arguments, or undefined. */
export async function findFunction(
  db: Database,
  { schema, name, args }: FunctionName,
): Promise<CatalogFunction | undefined> {
  const [found] = await selectFunctions(
    db,
    sql`namespace.nspname = ${schema} AND function.proname = ${name}
      AND pg_catalog.pg_get_function_identity_arguments(function.oid) = ${args}`,
  )
  return found
}

const volatility = (code: Sql<unknown>): Sql<unknown> =>
  sql`CASE ${code} WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END`

async function selectFunctions(db: Database, condition: Sql<unknown>): Promise<CatalogFunction[]> {
  const { rows } = await sql<Omit<CatalogFunction, 'settings'> & { settings: string[] }>`
    SELECT function.oid, namespace.nspname::text AS schema, function.proname::text AS name,
      function.oid::pg_catalog.regprocedure::text AS signature,
      pg_catalog.pg_get_function_identity_arguments(function.oid) AS args,
      coalesce(function.proargnames, '{}') AS "argumentNames",
      ARRAY(SELECT pg_catalog.format_type(type, NULL)
            FROM pg_catalog.unnest(function.proargtypes::oid[]) WITH ORDINALITY AS argument (type, place)
            ORDER BY argument.place) AS "argumentTypes",
      function.pronargdefaults AS defaults, function.provariadic <> 0 AS "isVariadic",
      function.prokind::text AS kind, ${volatility(sql`function.provolatile`)} AS volatility,
      function.proretset AS "returnsSet", pg_catalog.format_type(function.prorettype, NULL) AS "returnType",
      function.proisstrict AS "isStrict", function.proleakproof AS "isLeakproof",
      function.proparallel = 's' AS "isParallelSafe",
      function.prosecdef AS "isSecurityDefiner", language.lanname::text AS language,
      coalesce(function.proconfig, '{}') AS settings, pg_catalog.pg_get_userbyid(function.proowner)::text AS owner,
      pg_catalog.pg_has_role(function.proowner, 'USAGE') AS "isOurs",
      pg_catalog.has_function_privilege(function.oid, 'EXECUTE')
        AND pg_catalog.has_schema_privilege(namespace.oid, 'USAGE') AS "mayExecute",
      CASE WHEN function.proacl IS NOT NULL THEN ARRAY(
        SELECT coalesce(role.rolname::text, '') FROM pg_catalog.aclexplode(function.proacl) privilege
        LEFT JOIN pg_catalog.pg_roles role ON role.oid = privilege.grantee
        WHERE privilege.privilege_type = 'EXECUTE' ORDER BY 1) END AS grantees,
      function.prosrc AS source, function.prosqlbody IS NOT NULL AS "isResolved",
      CASE WHEN function.prokind IN ('f', 'p') THEN pg_catalog.pg_get_functiondef(function.oid) ELSE '' END
        AS definition
    FROM pg_catalog.pg_proc function
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = function.pronamespace
    JOIN pg_catalog.pg_language language ON language.oid = function.prolang
    WHERE ${condition}
    ORDER BY 2, 3, function.oid`.execute(db)
  return rows.map((row) => ({ ...row, settings: parseOptions(row.settings) }))
}

/** What the server's own functions of one name have in common. */
export interface BuiltinFunction {
  /** The most volatile of the overloads. */
  volatility: Volatility
  returnsSet: boolean
  /** Every overload is an ordinary function: no aggregate, no window function. */
  isOrdinary: boolean
  /** As `format_type` prints it, where all overloads return the same; else null. */
  returnType: string | null
}

/** The functions of pg_catalog by name. */
export async function listBuiltinFunctions(db: Database): Promise<Map<string, BuiltinFunction>> {
  const { rows } = await sql<BuiltinFunction & { name: string }>`
    SELECT function.proname::text AS name, ${mostVolatile(sql`function.provolatile`)} AS volatility,
      bool_or(function.proretset) AS "returnsSet", bool_and(function.prokind = 'f') AS "isOrdinary",
      CASE WHEN min(function.prorettype::int8) = max(function.prorettype::int8)
        THEN pg_catalog.format_type(min(function.prorettype::int8)::oid, NULL) END AS "returnType"
    FROM pg_catalog.pg_proc function
    WHERE function.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
    GROUP BY function.proname`.execute(db)
  return new Map(rows.map(({ name, ...each }) => [name, each]))
}

/** The order of the alphabet: `i` is the least volatile, then `s`, then `v`. */
export function mostVolatile(code: Sql<unknown>): Sql<unknown> {
  return volatility(sql`max(${code}::text)`)
}
