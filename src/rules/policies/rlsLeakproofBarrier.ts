import { byTable } from '../../catalog/byTable.ts'
import { listLockedOids } from '../../catalog/lockedRelations.ts'
import { indexesIn, planWithIndexes } from '../../catalog/plans.ts'
import type { Relation } from '../../catalog/relations.ts'
import { listRelations } from '../../catalog/relations.ts'
import { findReader, listRoles } from '../../catalog/roles.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import type { SearchOperator } from '../../catalog/searchOperators.ts'
import { listSearchOperators } from '../../catalog/searchOperators.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { listTableAccess } from '../../catalog/tableAccess.ts'
import type { Database } from '../../postgres/database.ts'
import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { errorCode } from '../../postgres/sqlState.ts'
import { shortList } from '../../shortList.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule, Violation } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Indexes that a role's queries cannot use, though the owner's do: PostgreSQL lets policies judge a row before an operator sees it
 * that may tell of its values, such as by an error. Only a LEAKPROOF operator may be asked first, as an index asks it. So a
 * search reads every row that the policies let through.
 *
 * ```sql
 * CREATE INDEX ON posts USING gin (search);
 * SELECT id FROM posts WHERE search @@ to_tsquery('lamp');      -- as owner by the index, as authenticated row by row
 * ```
 *
 * Shown by planning as the owner and as the role. To declare an operator LEAKPROOF would open every policy to whoever uses it,
 * so that is never the cure.
 */
export const rlsLeakproofBarrier: Rule = {
  name: 'rls_leakproof_barrier',
  finds: 'indexes that policies keep a role from using, since their operators are not leakproof',
  cure: 'steps: a search function, another type, a partial index',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const locked = await context.read(listLockedOids)
    const tables = new Map(
      (await context.read(listRelations))
        .filter(({ oid, schema }) => wanted(schema) && !locked.has(oid))
        .map((table) => [table.oid, table]),
    )
    const { askers, barred } = await findAskers(context)
    const findings: Violation[] = []
    const hidden = new Set<string>()
    for (const each of (await context.read(listSearchOperators)).slice(0, mostSearches)) {
      const [table, role] = [tables.get(each.tableOid), askers.get(each.tableOid)]
      const search = table && searchBy(each, table)
      if (!table || search === undefined) continue
      const reader = await findReader(context.db, table)
      if (role === undefined || reader === undefined) {
        for (const name of barred.get(each.tableOid) ?? []) hidden.add(name)
        continue
      }
      if (!(await usesAny(context.db, search, reader, each.indexes))) continue
      if (!(await usesAny(context.db, search, role, each.indexes)))
        findings.push(toViolation(table, each, role))
    }
    if (hidden.size === 0) return unlessPoliciesLocked(context, findings)
    throw new CannotSee(
      `Nothing can be planned as ${shortList([...hidden].sort())}: GRANT that to the current role.`,
      findings,
    )
  },
}

/** Each takes two plans. */
const mostSearches = 200
const leastRows = 10_000

/** By the table, a role that policies let read some of it and that the session may act as; and those that it may not. */
async function findAskers({
  read,
  db,
}: Snapshot): Promise<{ askers: Map<number, string>; barred: Map<number, string[]> }> {
  const mayActAs = new Set((await listRoles(db)).flatMap(({ name, mayActAs: may }) => (may ? name : [])))
  const askers = new Map<number, string>()
  const barred = new Map<number, string[]>()
  for (const [oid, access] of byTable(await read(listTableAccess))) {
    const names = access
      .filter(({ isExempt, select, policyOids }) => !isExempt && select === 'table' && policyOids.length > 0)
      .toSorted((one, other) => other.policyOids.length - one.policyOids.length)
      .map(({ role }) => role)
    const asker = names.find((name) => mayActAs.has(name))
    if (asker === undefined) barred.set(oid, names)
    else askers.set(oid, asker)
  }
  return { askers, barred }
}

/** The value comes from a sub-select, so that the planner knows as little of it as of a parameter. */
function searchBy(
  { expression, operator, right, type }: SearchOperator,
  table: Relation,
): string | undefined {
  const other = right.startsWith('any') ? type : right
  return other === null
    ? undefined
    : `SELECT 1 FROM ${qualified(table)} WHERE ${expression} ${operator} (SELECT NULL::${other})`
}

async function usesAny(db: Database, search: string, role: string, indexes: string[]): Promise<boolean> {
  try {
    return indexesIn(await planWithIndexes(db, { sql: search, role })).some((name) => indexes.includes(name))
  } catch (error) {
    // A policy that fails when it is planned, or a type that the role may not use, shows nothing.
    if (errorCode(error) === undefined) throw error
    return false
  }
}

function toViolation(table: Relation, each: SearchOperator, role: string): Violation {
  const isLarge = (table.estimatedRows ?? 0) >= leastRows
  const [index = ''] = each.indexes
  const isSearch = each.method !== 'btree' && each.method !== 'hash'
  return {
    level: isLarge ? 'warn' : 'info',
    subject: [table.schema, table.name, index],
    detail: `As ${displayIdentifier(role)}, ${each.expression} ${each.sign} ... on ${display(table)} cannot use ${shortList(each.indexes.map(displayIdentifier))}: ${each.sign} is not leakproof for ${each.type ?? each.right}, so every row that the policies let through is read.`,
    evidence: [
      measured('operator', each.sign),
      measured('planned as', role),
      measured('method', each.method),
    ],
    remedy: runbook(
      'Let the policies be judged by something that the index can be joined with',
      ...(isSearch
        ? [
            `Search by a function: CREATE FUNCTION search_${table.name.replaceAll(/\W/g, '_')}(...) RETURNS SETOF ${qualified(table)} LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS 'SELECT ... WHERE ${each.expression} ${each.sign} ... AND (the condition of the policy)'. It reads past the policies: its WHERE has to say all that they say, and has to change when they do.`,
          ]
        : [
            `Compare a type whose operators are leakproof: integer and bigint, uuid, text, date and timestamptz are; numeric and enums are not. Such as a column of that type beside it, GENERATED ALWAYS AS (...) STORED where the cast is immutable.`,
          ]),
      `For values that are asked often, a partial index on the column of the policy: CREATE INDEX CONCURRENTLY ON ${qualified(table)} (...) WHERE ${each.expression} ${each.sign} '...'; -- what its WHERE says need not be asked of a row`,
      'Never declare the function of the operator LEAKPROOF by itself: its errors would tell of rows that nobody may see.',
    ),
    ...(isLarge ? {} : { infoBecause: `on tables of fewer than ${leastRows.toLocaleString('en-US')} rows` }),
  }
}
