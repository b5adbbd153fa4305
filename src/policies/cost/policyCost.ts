import { messageOf } from '../../errors.ts'
import { groupBy } from '../../groupBy.ts'
import { sql } from '../../postgres/sql.ts'
import type { Database } from '../../postgres/database.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { qualified } from '../../postgres/identifiers.ts'
import { explain } from '../../postgres/explain.ts'
import { underSavepoint } from '../../postgres/savepoint.ts'
import { errorCode } from '../../postgres/sqlState.ts'
import { findReader } from '../../catalog/roles.ts'
import type { PolicyOnTable } from '../read/policyCatalog.ts'
import type { ParsedPolicies } from '../rewrite/parsedPolicies.ts'
import { rewritePolicies } from '../rewrite/policyRewrites.ts'

/** Who reads: a role, and the claims that PostgREST would set. */
export interface CostIdentity {
  role: string
  claims?: Record<string, unknown>
}

/** Milliseconds by the server's own clock; null if the time limit ended the statement. */
export type Milliseconds = number | null

/** What row-level security costs the reader of one table. */
export interface RlsCost {
  table: RelationName
  /** Rows that the identity sees; null if that took too long. */
  rows: number | null
  /** `SELECT * FROM table` as the identity, through the policies. */
  asUser: Milliseconds
  /** The same rows read past the policies, with their conditions in WHERE; what does not depend on the row runs once. */
  writtenOut: Milliseconds
  /** For each policy, the time that its condition alone, without a rewrite, adds to a read past the policies. */
  policies: { name: string; price: Milliseconds }[]
  /** Why nothing was measured. */
  skipped?: string
}

/** The costs of tables, and the identity that they were measured for. */
export interface RlsCosts {
  identity: CostIdentity
  list: RlsCost[]
}

export interface RlsCostOptions {
  identity: CostIdentity
  /** Only these; otherwise the largest tables with policies for the role, `mostTables` of them. */
  tables?: RelationName[]
  mostTables?: number
  /** Larger tables are not read, since that would put load on the server. */
  mostRows?: number
  /** For each statement. */
  timeoutMs?: number
}

export const rlsCostLimits = { mostTables: 20, mostRows: 2_000_000, timeoutMs: 3_000 }

/**
 * The price of each policy: EXPLAIN (ANALYZE) reads each table once as the identity and once past the policies. Call it
 * in a read-only transaction with an empty `search_path` (`readOnly`). Every setting is reset afterwards.
 *
 * ```sql
 * SET LOCAL ROLE authenticated; EXPLAIN (ANALYZE) SELECT * FROM notes;                      -- asUser
 * SET LOCAL ROLE service_role;  EXPLAIN (ANALYZE) SELECT * FROM notes WHERE owner_id = (SELECT auth.uid());  -- writtenOut
 * ```
 */
export async function rlsCosts(
  db: Database,
  parsed: ParsedPolicies,
  options: RlsCostOptions,
): Promise<RlsCost[]> {
  const { mostTables, mostRows, timeoutMs } = { ...rlsCostLimits, ...options }
  const { rewrites } = rewritePolicies(parsed, new Set(['auth_rls_initplan', 'policy_function_initplan']))
  const wrapped = new Map(rewrites.map(({ policy, after }) => [policy.oid, after.using]))
  const asked = parsed.catalog.policies.filter(
    (policy) =>
      policy.table.rowSecurity &&
      ['r', 'p'].includes(policy.table.kind) &&
      appliesTo(policy, options.identity.role),
  )
  const groups = [...groupBy(asked, ({ table }) => table.oid).values()]
    .filter(([policy]) => isWanted(policy.table, options.tables))
    .sort(([one], [other]) => (other.table.estimatedRows ?? 0) - (one.table.estimatedRows ?? 0))
    .slice(0, options.tables ? undefined : mostTables)
  const costs: RlsCost[] = []
  for (const policies of groups) {
    const [first] = policies
    const { schema, name, estimatedRows } = first.table
    const table = { schema, name }
    const nothing = { table, rows: null, asUser: null, writtenOut: null, policies: [] }
    if (estimatedRows !== null && estimatedRows > mostRows) {
      costs.push({
        ...nothing,
        skipped: `about ${Math.round(estimatedRows)} rows: too many to read them all`,
      })
      continue
    }
    const reader = await findReader(db, first.table)
    if (reader === undefined) {
      costs.push({ ...nothing, skipped: 'this session may act as no role that reads past the policies' })
      continue
    }
    costs.push(
      await measureTable({ db, timeoutMs, identity: options.identity, reader }, table, policies, wrapped),
    )
  }
  return costs
}

interface Measuring {
  db: Database
  timeoutMs: number
  identity: CostIdentity
  reader: string
}

async function measureTable(
  measuring: Measuring,
  table: RelationName,
  policies: PolicyOnTable[],
  wrapped: Map<number, string | null>,
): Promise<RlsCost> {
  const { identity, reader } = measuring
  const past = { ...identity, role: reader }
  const read = `SELECT * FROM ${qualified(table)}`
  try {
    const asUser = await timeOf(measuring, identity, read)
    const filter = effective(policies, (policy) => wrapped.get(policy.oid) ?? policy.using)
    const writtenOut = await timeOf(measuring, past, `${read} WHERE ${filter}`)
    const unfiltered = await timeOf(measuring, past, read)
    const prices: RlsCost['policies'] = []
    for (const { name, using } of policies) {
      if (using === null) continue
      const alone = await timeOf(measuring, past, `${read} WHERE (${using})`)
      const price = alone === null || unfiltered === null ? null : Math.max(0, alone.ms - unfiltered.ms)
      prices.push({ name, price: price === null ? null : round(price) })
    }
    return {
      table,
      rows: asUser?.rows ?? null,
      asUser: asUser && round(asUser.ms),
      writtenOut: writtenOut && round(writtenOut.ms),
      policies: prices,
    }
  } catch (error) {
    const skipped = messageOf(error)
    return { table, rows: null, asUser: null, writtenOut: null, policies: [], skipped }
  }
}

/** `(permissive OR permissive ...) AND restrictive ...`, for SELECT. */
function effective(policies: PolicyOnTable[], textOf: (policy: PolicyOnTable) => string | null): string {
  const texts = (permissive: boolean) =>
    policies.flatMap((policy) => (policy.permissive === permissive ? (textOf(policy) ?? []) : []))
  const permissive = texts(true).map((text) => `(${text})`)
  return [`(${permissive.join(' OR ') || 'false'})`, ...texts(false).map((text) => `(${text})`)].join(' AND ')
}

/** A longer run is not repeated. For shorter ones the best of three counts, so that caches are warm. */
const repeatBelowMs = 300

async function timeOf(
  measuring: Measuring,
  identity: CostIdentity,
  statement: string,
): Promise<{ ms: number; rows: number } | null> {
  let best = await timeOnce(measuring, identity, statement)
  for (let run = 0; run < 2 && best && best.ms < repeatBelowMs; run += 1) {
    const again = await timeOnce(measuring, identity, statement)
    if (again && again.ms < best.ms) best = again
  }
  return best
}

async function timeOnce(
  { db, timeoutMs }: Measuring,
  { role, claims = {} }: CostIdentity,
  statement: string,
): Promise<{ ms: number; rows: number } | null> {
  try {
    return await underSavepoint(db, async () => {
      await sql`SELECT pg_catalog.set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
                       pg_catalog.set_config('statement_timeout', ${String(timeoutMs)}, true)`.execute(db)
      await sql`SET LOCAL ROLE ${sql.id(role)}`.execute(db)
      const explained = await explain(db, statement, 'ANALYZE, TIMING OFF')
      const ms = (explained['Planning Time'] ?? 0) + (explained['Execution Time'] ?? 0)
      return { ms, rows: explained.Plan['Actual Rows'] ?? 0 }
    })
  } catch (error) {
    // 57014: the time limit.
    if (errorCode(error) === '57014') return null
    throw error
  }
}

function appliesTo({ command, roles }: PolicyOnTable, role: string): boolean {
  return (command === 'SELECT' || command === 'ALL') && (roles.length === 0 || roles.includes(role))
}

function isWanted(table: RelationName, wanted: RelationName[] | undefined): boolean {
  return wanted?.some(({ schema, name }) => schema === table.schema && name === table.name) ?? true
}

function round(ms: number): number {
  return Number(ms.toPrecision(3))
}
