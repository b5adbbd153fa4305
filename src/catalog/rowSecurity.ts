import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'
import { lockedRelations } from './lockedRelations.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A policy, with its predicates as `pg_get_expr` prints them. */
export interface PolicyFacts {
  name: string
  /** As pg_policy has it: `r`, `a`, `w`, `d`, or `*` for all. */
  command: string
  permissive: boolean
  /** Empty for PUBLIC. */
  roles: string[]
  using: string | null
  check: string | null
  /** Columns of the table itself that the predicates mention. */
  columns: string[]
  /** Functions that the predicates call, as `schema.name(argument types)`. */
  functions: string[]
}

/** A table with row-level security, with policies, or with both. */
export interface SecuredTable extends RelationName {
  rowSecurity: boolean
  forced: boolean
  rows: number | null
  policies: PolicyFacts[]
  /** Columns of policies on which no index of the table leads. */
  columnsWithoutIndex: string[]
}

/** A function that policies call. */
export interface PolicyFunction {
  /** `schema.name(argument types)` */
  signature: string
  volatility: 'immutable' | 'stable' | 'volatile'
  securityDefiner: boolean
  /** `search_path` that the function sets for itself; null where it follows the caller's. */
  searchPath: string | null
  language: string
  leakproof: boolean
  usedBy: number
}

/** Everything that row-level security does in the user's schemas. */
export interface RowSecurity {
  tables: SecuredTable[]
  functions: PolicyFunction[]
}

/** Reads tables, policies, and the functions and columns that policies depend on. */
export async function readRowSecurity(db: Database): Promise<RowSecurity> {
  const tables = await listSecuredTables(db)
  return { tables, functions: await listPolicyFunctions(db) }
}

async function listSecuredTables(db: Database): Promise<SecuredTable[]> {
  const result = await sql<SecuredTable>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locked),
    uses AS MATERIALIZED (
      SELECT objid AS policy, refclassid, refobjid, refobjsubid FROM pg_catalog.pg_depend
      WHERE classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
        AND refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
    ),
    policy_columns AS MATERIALIZED (
      SELECT DISTINCT policy.oid AS policy, policy.polrelid, attribute.attnum, attribute.attname::text AS name
      FROM pg_catalog.pg_policy policy
      JOIN uses ON uses.policy = policy.oid AND uses.refobjid = policy.polrelid AND uses.refobjsubid > 0
        AND uses.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      JOIN pg_catalog.pg_attribute attribute ON attribute.attrelid = policy.polrelid
        AND attribute.attnum = uses.refobjsubid
    ),
    columns AS MATERIALIZED (
      SELECT policy, pg_catalog.json_agg(name ORDER BY attnum) AS names FROM policy_columns GROUP BY policy
    ),
    functions AS MATERIALIZED (
      SELECT policy, pg_catalog.json_agg(DISTINCT refobjid::pg_catalog.regprocedure::text) AS signatures
      FROM uses WHERE refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass GROUP BY policy
    ),
    unindexed AS MATERIALIZED (
      SELECT polrelid, pg_catalog.json_agg(DISTINCT name) AS names FROM policy_columns
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_index index
        WHERE index.indrelid = polrelid AND index.indisvalid AND index.indpred IS NULL AND index.indkey[0] = attnum)
      GROUP BY polrelid
    ),
    policies AS MATERIALIZED (
      SELECT policy.polrelid, pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', policy.polname, 'command', policy.polcmd, 'permissive', policy.polpermissive,
        'roles', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.pg_get_userbyid(role)), '[]')
          FROM pg_catalog.unnest(policy.polroles) role WHERE role <> 0),
        'using', pg_catalog.pg_get_expr(policy.polqual, policy.polrelid),
        'check', pg_catalog.pg_get_expr(policy.polwithcheck, policy.polrelid),
        'columns', coalesce(columns.names, '[]'), 'functions', coalesce(functions.signatures, '[]')
      ) ORDER BY policy.polname) AS list
      FROM pg_catalog.pg_policy policy
      LEFT JOIN columns ON columns.policy = policy.oid
      LEFT JOIN functions ON functions.policy = policy.oid
      WHERE policy.polrelid NOT IN (SELECT oid FROM locked)
      GROUP BY policy.polrelid
    )
    SELECT namespace.nspname::text AS schema, class.relname::text AS name, class.relrowsecurity AS "rowSecurity",
      class.relforcerowsecurity AS forced,
      CASE WHEN class.reltuples >= 0 THEN class.reltuples::float8 END AS rows,
      coalesce(policies.list, '[]') AS policies, coalesce(unindexed.names, '[]') AS "columnsWithoutIndex"
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    LEFT JOIN policies ON policies.polrelid = class.oid
    LEFT JOIN unindexed ON unindexed.polrelid = class.oid
    WHERE class.relkind IN ('r', 'p') AND class.oid NOT IN (SELECT oid FROM locked) AND (class.relrowsecurity OR policies.polrelid IS NOT NULL)
      AND namespace.nspname <> 'information_schema' AND namespace.nspname !~ '^pg_'
    ORDER BY 1, 2`.execute(db)
  return result.rows
}

async function listPolicyFunctions(db: Database): Promise<PolicyFunction[]> {
  const result = await sql<PolicyFunction>`
    SELECT function.oid::pg_catalog.regprocedure::text AS signature,
      CASE function.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
      function.prosecdef AS "securityDefiner",
      (SELECT pg_catalog.substr(setting, 13) FROM pg_catalog.unnest(function.proconfig) setting
        WHERE setting LIKE 'search\\_path=%') AS "searchPath",
      language.lanname::text AS language, function.proleakproof AS leakproof,
      count(DISTINCT uses.objid)::int AS "usedBy"
    FROM pg_catalog.pg_depend uses
    JOIN pg_catalog.pg_proc function ON function.oid = uses.refobjid
    JOIN pg_catalog.pg_language language ON language.oid = function.prolang
    WHERE uses.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
      AND uses.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    GROUP BY function.oid, function.provolatile, function.prosecdef, function.proconfig, language.lanname,
      function.proleakproof
    ORDER BY 7 DESC, 1`.execute(db)
  return result.rows
}
