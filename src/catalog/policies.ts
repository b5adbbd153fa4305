import type { Sql } from '../postgres/sql.ts'
import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { lockedRelations } from './lockedRelations.ts'

/** The predicates of a policy as `pg_get_expr` prints them; null where the policy has none. */
export interface PolicyPredicates {
  using: string | null
  check: string | null
}

/** What a policy is for. */
export type PolicyCommand = 'ALL' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'

/** A row-level security policy. */
export interface Policy extends PolicyPredicates {
  oid: number
  tableOid: number
  name: string
  command: PolicyCommand
  permissive: boolean
  /** Names of the roles it is for, in alphabetical order; empty for PUBLIC. */
  roles: string[]
  /** The same in the order in which CREATE POLICY named them. */
  rolesAsWritten: string[]
  comment: string | null
  /** Oids of the functions that its predicates call, without the server's own. */
  functionOids: number[]
  /** Numbers of the columns of its own table that its predicates read. */
  columnNumbers: number[]
}

/**
 * Every policy, by schema, table and name, except on tables that a session locks exclusively. Read it with an empty
 * `search_path`, so that names are qualified.
 */
export async function listPolicies(db: Database): Promise<Policy[]> {
  return selectPolicies(db, sql`class.oid NOT IN (SELECT oid FROM ${lockedRelations} locked)`)
}

/** The policies of one table as they are now, by name; the schema of a temporary one is `pg_temp`. */
export async function findPolicies(db: Database, { schema, name }: RelationName): Promise<Policy[]> {
  return selectPolicies(db, sql`class.relname = ${name} AND ${isSchema(schema)}`)
}

/** The policies of the tables with these oids as they are now. */
export async function findPoliciesOf(db: Database, tables: number[]): Promise<Policy[]> {
  return tables.length === 0 ? [] : selectPolicies(db, sql`class.oid = ANY (${tables}::oid[])`)
}

/** One policy as it is now, or undefined. */
export async function findPolicy(
  db: Database,
  { schema, name }: RelationName,
  policy: string,
): Promise<Policy | undefined> {
  const [found] = await selectPolicies(
    db,
    sql`class.relname = ${name} AND ${isSchema(schema)} AND policy.polname = ${policy}`,
  )
  return found
}

function isSchema(name: string): Sql<unknown> {
  return name === 'pg_temp'
    ? sql`namespace.oid = pg_catalog.pg_my_temp_schema()`
    : sql`namespace.nspname = ${name}`
}

async function selectPolicies(db: Database, condition: Sql<unknown>): Promise<Policy[]> {
  const { rows } = await sql<Policy>`
    WITH chosen AS MATERIALIZED (
      SELECT policy.*, namespace.nspname, class.relname
      FROM pg_catalog.pg_policy policy
      JOIN pg_catalog.pg_class class ON class.oid = policy.polrelid
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      WHERE ${condition}
    ),
    uses AS MATERIALIZED (
      SELECT chosen.oid,
        pg_catalog.array_agg(DISTINCT depend.refobjid)
          FILTER (WHERE depend.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass) AS functions,
        pg_catalog.array_agg(DISTINCT depend.refobjsubid)
          FILTER (WHERE depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND depend.refobjid = chosen.polrelid AND depend.refobjsubid > 0) AS columns
      FROM chosen
      JOIN pg_catalog.pg_depend depend
        ON depend.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND depend.objid = chosen.oid
      GROUP BY chosen.oid
    )
    SELECT policy.oid, policy.polrelid AS "tableOid", policy.polname::text AS name,
      CASE policy.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
                         WHEN 'w' THEN 'UPDATE' ELSE 'DELETE' END AS command,
      policy.polpermissive AS permissive,
      ARRAY(SELECT role.rolname::text FROM pg_catalog.pg_roles role
            WHERE role.oid = ANY (policy.polroles) ORDER BY role.rolname) AS roles,
      ARRAY(SELECT role.rolname::text FROM pg_catalog.unnest(policy.polroles) WITH ORDINALITY AS named (oid, place)
            JOIN pg_catalog.pg_roles role ON role.oid = named.oid ORDER BY named.place) AS "rolesAsWritten",
      pg_catalog.pg_get_expr(policy.polqual, policy.polrelid) AS using,
      pg_catalog.pg_get_expr(policy.polwithcheck, policy.polrelid) AS check,
      pg_catalog.obj_description(policy.oid, 'pg_policy') AS comment,
      coalesce(uses.functions, '{}') AS "functionOids", coalesce(uses.columns, '{}') AS "columnNumbers"
    FROM chosen policy
    LEFT JOIN uses ON uses.oid = policy.oid
    ORDER BY policy.nspname, policy.relname, policy.polname`.execute(db)
  return rows
}
