import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { explain } from '../db/explain.ts'
import { displayIdentifier, qualified } from '../db/identifiers.ts'
import { underSavepoint } from '../db/savepoint.ts'
import { errorCode } from '../db/sqlState.ts'
import type { Policy } from './policyCatalog.ts'
import type { CatalogTable } from './tableCatalog.ts'

/** Why a policy's queries fail already today, by the policy's oid; policies that work are absent. */
export type Baseline = Map<number, string>

/**
 * Finds what fails before anything is changed: policies that read their own table and recurse, by planning
 * `SELECT FROM table` as a role that they are for, and policies that call a function that none of their roles may
 * call, from the catalog. Roles that the session may not act as are not asked. Nothing is run.
 */
export async function readBaseline(db: Database, policies: Policy[]): Promise<Baseline> {
  const roles = await rolesToActAs(db)
  const closed = await readClosedFunctions(db)
  const byTable = new Map<CatalogTable, Policy[]>()
  for (const policy of policies) byTable.set(policy.table, [...(byTable.get(policy.table) ?? []), policy])
  const baseline: Baseline = new Map()
  for (const [table, own] of byTable) {
    if (!table.rowSecurity) continue
    for (const policy of own) {
      const refused = own.find((each) => closed.has(each.oid) && areAskedTogether(policy, each))
      const called = refused && closed.get(refused.oid)
      if (called !== undefined) {
        baseline.set(
          policy.oid,
          `no role of ${displayIdentifier(refused?.name ?? '')} has EXECUTE on ${called}`,
        )
      }
    }
    const named = own.flatMap((policy) => policy.roles)
    const role = [...named, 'authenticated', 'anon'].find((each) => roles.has(each))
    if (role === undefined) continue
    const failure = await failureOf(db, role, `SELECT FROM ${qualified(table)}`)
    if (failure !== undefined) for (const policy of own) baseline.set(policy.oid, `as ${role}, ${failure}`)
  }
  return baseline
}

/** Whether a query of somebody can be subject to both. Roles may be members of one another: too often is safe. */
function areAskedTogether(one: Policy, other: Policy): boolean {
  const sameCommand = one.command === '*' || other.command === '*' || one.command === other.command
  const everybody = one.roles.length === 0 || other.roles.length === 0
  return sameCommand && (everybody || one.roles.some((role) => other.roles.includes(role)))
}

/**
 * A function that fails for everybody whom the policy is for, by the policy's oid. Whoever row-level security does
 * not hold for is not counted: superusers, BYPASSRLS, and the owner of a table that does not force it.
 */
async function readClosedFunctions(db: Database): Promise<Map<number, string>> {
  const { rows } = await sql<{ policy: number; called: string }>`
    SELECT p.oid AS policy, min(f.oid::pg_catalog.regprocedure::text) AS called
    FROM pg_catalog.pg_policy p
    JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid
      AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    JOIN pg_catalog.pg_proc f ON f.oid = d.refobjid AND f.proacl IS NOT NULL
    WHERE NOT EXISTS (
      SELECT FROM pg_catalog.aclexplode(f.proacl) x WHERE x.privilege_type = 'EXECUTE' AND x.grantee = 0)
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_roles r
      WHERE NOT r.rolsuper AND NOT r.rolbypassrls
        AND (c.relforcerowsecurity OR NOT pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE'))
        AND EXISTS (
          SELECT FROM pg_catalog.unnest(p.polroles) o
          WHERE CASE WHEN o = 0 THEN true ELSE pg_catalog.pg_has_role(r.oid, o, 'USAGE') END)
        AND pg_catalog.has_function_privilege(r.oid, f.oid, 'EXECUTE'))
    GROUP BY p.oid`.execute(db)
  return new Map(rows.map(({ policy, called }) => [policy, called]))
}

/** Roles that policies apply to and that the session may act as. */
async function rolesToActAs(db: Database): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`
    SELECT rolname::text AS name FROM pg_catalog.pg_roles
    WHERE NOT rolsuper AND NOT rolbypassrls
      AND CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000
            THEN pg_catalog.pg_has_role(oid, 'SET') ELSE pg_catalog.pg_has_role(oid, 'MEMBER') END`.execute(
    db,
  )
  return new Set(rows.map(({ name }) => name))
}

async function failureOf(db: Database, role: string, query: string): Promise<string | undefined> {
  try {
    await underSavepoint(db, async () => {
      await sql`SET LOCAL ROLE ${sql.id(role)}`.execute(db)
      await explain(db, query)
    })
    return undefined
  } catch (error) {
    if (!isRecursion(error)) return undefined
    return error instanceof Error ? error.message : String(error)
  }
}

/**
 * Policies that call one another for ever. Other errors of planning say nothing: a privilege or a setting may be missing for us
 * alone, and a function that leaves out schemas finds nothing where `search_path` is empty.
 */
function isRecursion(error: unknown): boolean {
  return ['42P17', '54001'].includes(errorCode(error) ?? '')
}
