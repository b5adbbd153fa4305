import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { qualified } from '../db/identifiers.ts'
import { errorCode } from '../db/sqlState.ts'
import type { Policy } from './policyCatalog.ts'
import type { CatalogTable } from './tableCatalog.ts'

/** Why queries on a table fail already today, by the table's oid; tables that can be read are absent. */
export type Baseline = Map<number, string>

/**
 * Plans `SELECT FROM table` as a role that its policies are for, and notes which fail before anything is changed,
 * since a policy reads its own table and recurses. Roles that the session may not act as are not asked. Nothing is
 * run.
 */
export async function readBaseline(db: Database, policies: Policy[]): Promise<Baseline> {
  const roles = await rolesToActAs(db)
  const byTable = new Map<CatalogTable, Policy[]>()
  for (const policy of policies) byTable.set(policy.table, [...(byTable.get(policy.table) ?? []), policy])
  const baseline: Baseline = new Map()
  for (const [table, own] of byTable) {
    if (!table.rowSecurity) continue
    const named = own.flatMap((policy) => policy.roles)
    const role = [...named, 'authenticated', 'anon'].find((each) => roles.has(each))
    if (role === undefined) continue
    const failure = await failureOf(db, role, `SELECT FROM ${qualified(table)}`)
    if (failure !== undefined) baseline.set(table.oid, `as ${role}, ${failure}`)
  }
  return baseline
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
  await sql`SAVEPOINT hundredfold_baseline`.execute(db)
  try {
    await sql`SET LOCAL ROLE ${sql.id(role)}`.execute(db)
    await sql`EXPLAIN ${sql.raw(query)}`.execute(db)
    return undefined
  } catch (error) {
    if (!isRecursion(error)) return undefined
    return error instanceof Error ? error.message : String(error)
  } finally {
    await sql`ROLLBACK TO SAVEPOINT hundredfold_baseline`.execute(db)
    await sql`RELEASE SAVEPOINT hundredfold_baseline`.execute(db)
  }
}

/**
 * Policies that call one another for ever. Other errors say nothing: a privilege or a setting may be missing for us
 * alone, and a function that leaves out schemas finds nothing where `search_path` is empty.
 */
function isRecursion(error: unknown): boolean {
  return ['42P17', '54001'].includes(errorCode(error) ?? '')
}
