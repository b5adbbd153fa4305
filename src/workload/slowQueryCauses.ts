import type { PlanNode } from '../postgres/explain.ts'
import type { StatementPlan } from '../catalog/statementPlan.ts'
import type { StatementStatistics } from '../catalog/statements.ts'
import { shortList } from '../shortList.ts'
import { excerpt } from '../syntax/excerpt.ts'

/** Why a statement is slow, and what to do about it. */
export interface Cause {
  id:
    | 'sequential_scan'
    | 'policy'
    | 'function_per_row'
    | 'row_estimate'
    | 'spill'
    | 'nested_loop'
    | 'offset'
    | 'lock_wait'
    | 'cold_cache'
  detail: string
  cure: string
  kind: 'measured' | 'estimated'
}

/** What must be known of the schema to judge a plan. */
export interface PlanSurroundings {
  /** Rows by `schema.table`, unquoted. */
  rows: Map<string, number>
  /** `schema.table` of tables with row-level security. */
  secured: Set<string>
  /** Names, without schema, of functions that are not PostgreSQL's own. */
  functions: Set<string>
  blockSize: number
}

/** With fewer rows, work per row costs next to nothing. */
const manyRows = 1_000
/** An index pays where it leaves out at least nineteen rows of twenty. */
const selective = 0.05
const manyRounds = 10_000
/** Estimated rows against real ones. */
const farOff = 10

/**
 * Names what makes a statement slow, from its counters alone where there is no plan. `analyzed` is its plan with real
 * rows and times, where the statement was executed.
 */
export function findCauses(
  statement: StatementStatistics,
  plan: StatementPlan | undefined,
  surroundings: PlanSurroundings,
  analyzed?: PlanNode,
): Cause[] {
  const root = analyzed ?? plan?.root
  const nodes = root ? flatten(root) : []
  return [
    ...nodes.flatMap((node) => scanCauses(node, surroundings)),
    ...nodes.flatMap((node) => loopCauses(node)),
    ...estimateCauses(statement, nodes, plan, analyzed, surroundings),
    ...spillCauses(statement, nodes, surroundings),
    ...(plan?.writes ? [] : offsetCauses(statement)),
    ...waitCauses(statement, plan),
    ...cacheCauses(statement, surroundings),
  ].filter((cause, at, all) => all.findIndex((other) => other.detail === cause.detail) === at)
}

/** The node and all below it. */
export function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)]
}

function scanCauses(node: PlanNode, { rows, secured, functions }: PlanSurroundings): Cause[] {
  const name = node['Relation Name']
  if (name === undefined || node.Filter === undefined) return []
  const table = `${node.Schema ?? 'public'}.${name}`
  const isWhole = node['Node Type'] === 'Seq Scan'
  const visited = isWhole ? (rows.get(table) ?? 0) : node['Plan Rows']
  if (visited < manyRows) return []
  const causes: Cause[] = []
  const share = (node['Actual Rows'] ?? node['Plan Rows']) / visited
  const kind = node['Actual Rows'] === undefined ? 'estimated' : 'measured'
  const perRow = [...calledFunctions(node.Filter)].filter((called) => functions.has(called))
  const subSelect = runsSubSelect(node.Filter)
  if (secured.has(table) && (perRow.length > 0 || subSelect)) {
    const what = perRow.length > 0 ? `calls ${shortList(perRow)}` : 'runs a sub-select'
    causes.push({
      id: 'policy',
      detail: `a predicate on ${table}, which has row-level security, ${what} for each of ${count(visited)} rows`,
      cure: 'Let the policy ask once per statement: `npm run optimize -- --rules auth_rls_initplan,policy_function_initplan,policy_membership_function,policy_correlated_subquery`.',
      kind,
    })
  } else if (perRow.length > 0) {
    causes.push({
      id: 'function_per_row',
      detail: `the filter on ${table} calls ${shortList(perRow)} for each of ${count(visited)} rows`,
      cure: 'Where its arguments hold no column, write `(select f())`, which runs once per statement; else index the expression or compare the column itself.',
      kind,
    })
  }
  if (isWhole && share <= selective) {
    causes.push({
      id: 'sequential_scan',
      detail: `it reads ${table} whole (${count(visited)} rows) and keeps about ${percent(share)} of it`,
      cure:
        `An index on the columns of its filter, ${excerpt(node.Filter)}: \`npm run migrate new create-index\` writes the migration to put CREATE INDEX CONCURRENTLY ON ${table} into.` +
        (secured.has(table)
          ? ' For a column that a policy compares, `npm run optimize -- --rules unindexed_policy_column` writes the whole migration.'
          : ''),
      kind,
    })
  }
  return causes
}

function loopCauses(node: PlanNode): Cause[] {
  if (node['Node Type'] !== 'Nested Loop') return []
  const [outer, inner] = node.Plans ?? []
  const rounds = inner?.['Actual Loops'] ?? outer?.['Plan Rows'] ?? 0
  if (rounds < manyRounds) return []
  const on = inner?.['Relation Name'] ?? inner?.Alias ?? 'its inner side'
  return [
    {
      id: 'nested_loop',
      detail: `a nested loop looks up ${on} ${count(rounds)} times`,
      cure: 'Filter the outer side earlier with an index on its condition; where the estimate of its rows is wrong, ANALYZE or CREATE STATISTICS lets the planner choose a hash join.',
      kind: inner?.['Actual Loops'] === undefined ? 'estimated' : 'measured',
    },
  ]
}

function estimateCauses(
  statement: StatementStatistics,
  nodes: PlanNode[],
  plan: StatementPlan | undefined,
  analyzed: PlanNode | undefined,
  { secured }: PlanSurroundings,
): Cause[] {
  const cure =
    'ANALYZE the table; where columns depend on each other, CREATE STATISTICS (dependencies, mcv) on them; the rule missing_extended_statistics names candidates.'
  // It was executed without a user's claims, so policies hid the rows that a user would see.
  const isSecured = nodes.some((node) => secured.has(`${node.Schema ?? ''}.${node['Relation Name'] ?? ''}`))
  if (analyzed) {
    if (isSecured) return []
    const worst = nodes
      .filter((node) => (node['Actual Loops'] ?? 0) > 0)
      .map((node) => ({ node, off: offBy(node['Plan Rows'], node['Actual Rows'] ?? 0) }))
      .sort((one, other) => other.off - one.off)[0]
    if (!worst || worst.off < farOff) return []
    return [
      {
        id: 'row_estimate',
        detail: `the planner expected ${count(worst.node['Plan Rows'])} rows from ${nameOf(worst.node)} and got ${count(worst.node['Actual Rows'] ?? 0)}`,
        cure,
        kind: 'measured',
      },
    ]
  }
  // A LIMIT that is a parameter is planned as a tenth of all rows, and a write returns only what RETURNING says.
  if (!plan || plan.writes || nodes.some((node) => node['Node Type'] === 'Limit')) return []
  const perCall = statement.rows / statement.calls
  if (offBy(plan.root['Plan Rows'], perCall) < farOff) return []
  return [
    {
      id: 'row_estimate',
      detail: `the plan for any parameters expects ${count(plan.root['Plan Rows'])} rows, and ${count(perCall)} came on average`,
      cure,
      kind: 'estimated',
    },
  ]
}

/** How many times too many or too few; 1 where both are too few to matter. */
function offBy(expected: number, real: number): number {
  if (Math.max(expected, real) < manyRows) return 1
  return Math.max(expected, real, 1) / Math.max(1, Math.min(expected, real))
}

function spillCauses(
  statement: StatementStatistics,
  nodes: PlanNode[],
  { blockSize }: PlanSurroundings,
): Cause[] {
  const perCall = statement.tempBlocksWritten / statement.calls
  if (perCall < 16) return []
  const spillers = nodes.filter(
    ({ 'Node Type': type, Strategy: strategy }) =>
      ['Sort', 'Incremental Sort', 'Hash', 'Materialize', 'WindowAgg'].includes(type) ||
      (type === 'Aggregate' && strategy === 'Hashed'),
  )
  const names = [...new Set(spillers.map((node) => node['Node Type']))].join(', ')
  const megabytes = Math.max(1, Math.ceil((perCall * blockSize) / 1_048_576))
  return [
    {
      id: 'spill',
      detail: `it writes ${megabytes} MB of temporary files per call${names ? ` (${names})` : ''}`,
      cure: `An index that gives the rows in order avoids the sort; else SET LOCAL work_mem to about ${megabytes * 3} MB for this statement.`,
      kind: 'measured',
    },
  ]
}

function offsetCauses({ text }: StatementStatistics): Cause[] {
  if (!/\boffset\s+(\$\d|[1-9])/i.test(text)) return []
  return [
    {
      id: 'offset',
      detail: 'it pages with OFFSET, which reads and throws away every row before the page',
      cure: 'Page by key: WHERE (sort_column, id) < (last seen) ORDER BY sort_column DESC, id DESC LIMIT n.',
      kind: 'estimated',
    },
  ]
}

function waitCauses(statement: StatementStatistics, plan: StatementPlan | undefined): Cause[] {
  if (!plan?.writes) return []
  const blocks = (statement.blocksHit + statement.blocksRead) / statement.calls
  const busyMs = statement.readMs / statement.calls + blocks * 0.02
  // A few calls waited long and many did not; work instead of waiting would show in the blocks.
  if (statement.meanMs < 10 * Math.max(1, busyMs) || statement.maxMs < 2 * statement.meanMs) return []
  return [
    {
      id: 'lock_wait',
      detail: `it takes ${Math.round(statement.meanMs)} ms for about ${count(blocks)} blocks, and at worst ${Math.round(statement.maxMs)} ms: most of it is waiting, probably for a row lock`,
      cure: 'Keep transactions short and lock rows in one order; log_lock_waits names who blocks; FOR UPDATE SKIP LOCKED for queues.',
      kind: 'estimated',
    },
  ]
}

function cacheCauses(statement: StatementStatistics, { blockSize }: PlanSurroundings): Cause[] {
  const read = statement.blocksRead / statement.calls
  const share = statement.blocksRead / Math.max(1, statement.blocksHit + statement.blocksRead)
  if (read < 128 || share < 0.5) return []
  return [
    {
      id: 'cold_cache',
      detail: `it reads ${Math.ceil((read * blockSize) / 1_048_576)} MB per call from outside shared_buffers, ${percent(share)} of what it touches`,
      cure: 'Touch less: an index, fewer columns, fewer rows. More shared_buffers only helps where the whole working set then fits.',
      kind: 'measured',
    },
  ]
}

/** A sub-select that runs again for every row: neither an InitPlan nor a hashed one. */
function runsSubSelect(filter: string): boolean {
  return /(?<!hashed )\bSubPlan \d/.test(filter)
}

/** Names, without schema, of the functions that an expression printed by EXPLAIN calls. */
function calledFunctions(expression: string): Set<string> {
  const called = expression.matchAll(/(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))\(/gi)
  return new Set(Array.from(called, ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? ''))
}

function nameOf(node: PlanNode): string {
  const relation = node['Relation Name'] ?? node['Index Name']
  return relation === undefined ? node['Node Type'] : `${node['Node Type']} on ${relation}`
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function percent(share: number): string {
  const value = 100 * share
  return `${value < 1 ? Number(value.toPrecision(1)) : Math.round(value)} %`
}
