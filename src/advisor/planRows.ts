import type { PlanNode } from '../postgres/explain.ts'

/** The rows that a plan returns or changes; undefined where it counts them, or stops early. */
export function rowsOf(node: PlanNode): number | undefined {
  const [child] = node.Plans ?? []
  if (['Limit', 'Aggregate', 'Group', 'Unique', 'SetOp'].includes(node['Node Type'])) return undefined
  const passes = ['ModifyTable', 'Sort', 'Incremental Sort', 'Gather', 'Gather Merge', 'LockRows']
  return passes.includes(node['Node Type']) && child ? rowsOf(child) : node['Plan Rows']
}
