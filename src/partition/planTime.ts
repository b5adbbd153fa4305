import type { PlanNode } from '../postgres/explain.ts'
import type { CountedNode, Work } from './planWork.ts'
import { addWork } from './planWork.ts'

/**
 * Microseconds of execution, everything in memory, on the machine on which `referenceMs` was measured. The planner's own
 * prices do not tell time: a page costs 1 to 4 where a row costs 0.01, though in memory a page takes no longer than some
 * rows, and a lookup's cost is all pages. Fitted to 30 plans of two million rows, in one table and in 45 partitions.
 */
const prices = {
  node: 0.5,
  /** Fetching a row by its place, as an index tells it, takes several times as long as the next row of a page. */
  'Index Scan': { tuples: 0, indexTuples: 0.31, operators: 0.005, pages: 0.5 },
  'Index Only Scan': { tuples: 0, indexTuples: 0.03, operators: 0.005, pages: 0.5 },
  'Bitmap Index Scan': { tuples: 0, indexTuples: 0.03, operators: 0.005, pages: 0.5 },
  'Bitmap Heap Scan': { tuples: 0.08, indexTuples: 0, operators: 0.018, pages: 0.5 },
  'Seq Scan': { tuples: 0.05, indexTuples: 0, operators: 0.018, pages: 0.3 },
  Aggregate: { tuples: 0.05, indexTuples: 0, operators: 0.05, pages: 0.5 },
  'Plain Aggregate': { tuples: 0.05, indexTuples: 0, operators: 0.035, pages: 0.5 },
  /** What PostgreSQL changes a row for: heap, WAL and locks. */
  ModifyTable: { tuples: 0, indexTuples: 0, operators: 0, pages: 0, rows: 0.33 },
  other: { tuples: 0.05, indexTuples: 0.03, operators: 0.018, pages: 0.5 },
}

interface NodePrice {
  tuples: number
  indexTuples: number
  operators: number
  pages: number
  rows?: number
}

/** Milliseconds of `referenceQuery` where the prices were measured. */
export const referenceMs = 1.4

/** Says how fast a machine is: a count that needs no table, and little memory, so that none has to be fetched. */
export const referenceQuery =
  'SELECT count(*) FROM pg_catalog.generate_series(1, 150) a, pg_catalog.generate_series(1, 150) b'

/**
 * How many times as long as the machine of the prices a machine takes: for what only computes, and for each
 * way of reading a table. Another processor reads memory at another pace than it computes.
 */
export interface MachineSpeed {
  cpu: number
  scans: Partial<Record<string, number>>
  /** Milliseconds of a statement that reads a table, and of each node that reads one: locks, opens it, and closes it again. */
  statementMs: number
  scanMs: number
}

/**
 * Milliseconds that a plan takes to execute when all it reads is in memory.
 *
 * @param speed of the machine; see `measureMachine`
 */
export function executionMs(root: CountedNode, { cpu, scans, statementMs, scanMs }: MachineSpeed): number {
  let microseconds = 0
  let reads = false
  const visit = (counted: CountedNode, run: Run): void => {
    const { node, children } = counted
    const price = priceOf(node)
    const runsOfChildren = children.map((child, at) => runOf(counted, child, at, run))
    let own = addWork(counted.startup, spread(counted), run.share)
    for (const [at, child] of children.entries()) {
      const of = runsOfChildren[at]
      if (!of) continue
      const times = of.loops / Math.max(1, run.loops)
      own = addWork(own, addWork(child.startup, spread(child), of.share), -times)
    }
    // Partitions that PostgreSQL leaves out when it starts are part of the cost, and not of the work.
    const leavesOut = (node['Subplans Removed'] ?? 0) > 0
    if (!price.isPassThrough && !leavesOut) {
      microseconds += run.loops * microsecondsOf(own, price) * (scans[node['Node Type']] ?? cpu)
    }
    if (price.rows !== undefined) {
      microseconds += price.rows * Math.max(1, node.Plans?.[0]?.['Plan Rows'] ?? 1) * run.loops * cpu
    }
    microseconds += isScan(node) ? 1_000 * scanMs : prices.node * cpu
    reads ||= isScan(node)
    for (const [at, child] of children.entries()) {
      const of = runsOfChildren[at]
      if (of) visit(child, of)
    }
  }
  visit(root, { loops: 1, share: 1 })
  return microseconds / 1_000 + (reads ? statementMs : 0)
}

/** How often a node runs, and which share of its rows is asked for each time. */
interface Run {
  loops: number
  share: number
}

function runOf({ node, children }: CountedNode, child: CountedNode, at: number, run: Run): Run {
  const relation = child.node['Parent Relationship']
  if (relation === 'InitPlan') return { loops: 1, share: 1 }
  if (relation === 'SubPlan')
    return { loops: Math.max(1, run.loops * node['Plan Rows'] * run.share), share: 1 }
  const rows = Math.max(1, child.node['Plan Rows'])
  const { loops, share } = run
  switch (node['Node Type']) {
    case 'Limit':
      return { loops, share: Math.min(1, (node['Plan Rows'] / rows) * share) }
    case 'Nested Loop': {
      if (relation === 'Outer') return { loops, share }
      const outer = children.find((each) => each.node['Parent Relationship'] === 'Outer')
      return { loops: loops * Math.max(1, (outer?.node['Plan Rows'] ?? 1) * share), share: 1 }
    }
    case 'Merge Append':
      // Each of them says its first row before the first of all is known.
      return { loops, share: Math.min(1, Math.max(share, 1 / rows)) }
    case 'Append': {
      // One after the other, until there are enough.
      const before = children.slice(0, at).reduce((sum, each) => sum + each.node['Plan Rows'], 0)
      const wanted = node['Plan Rows'] * share - before
      return { loops, share: Math.min(1, Math.max(0, wanted / rows)) }
    }
    case 'Sort':
    case 'Hash':
    case 'Bitmap Heap Scan':
      return { loops, share: 1 }
    case 'Aggregate':
      return { loops, share: node.Strategy === 'Sorted' ? share : 1 }
    default:
      return { loops, share }
  }
}

/** From the first row to the last. */
const spread = ({ startup, total }: CountedNode): Work => addWork(total, startup, -1)

function microsecondsOf(work: Work, price: NodePrice): number {
  const atLeast0 = (count: number): number => Math.max(0, count)
  return (
    price.tuples * atLeast0(work.tuples) +
    price.indexTuples * atLeast0(work.indexTuples) +
    price.operators * atLeast0(work.operators) +
    price.pages * (atLeast0(work.sequentialPages) + atLeast0(work.randomPages))
  )
}

function priceOf(node: PlanNode): NodePrice & { isPassThrough?: boolean } {
  switch (node['Node Type']) {
    case 'Index Scan':
    case 'Index Only Scan':
    case 'Bitmap Index Scan':
    case 'Bitmap Heap Scan':
    case 'Seq Scan':
    case 'ModifyTable':
      return prices[node['Node Type']]
    case 'Aggregate':
      return prices[node.Strategy === 'Plain' ? 'Plain Aggregate' : 'Aggregate']
    case 'Limit':
      return { ...prices.other, isPassThrough: true }
    default:
      return prices.other
  }
}

function isScan(node: PlanNode): boolean {
  return node['Relation Name'] !== undefined && node['Node Type'] !== 'ModifyTable'
}
