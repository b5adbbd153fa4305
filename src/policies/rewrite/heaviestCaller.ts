import { findSampleValues } from '../../catalog/columnStatistics.ts'
import type { Database } from '../../postgres/database.ts'
import type { Node, RangeVar } from '../../syntax/nodes.ts'
import { as, kindOf, nodesIn, words } from '../../syntax/nodes.ts'
import { replaceNodes } from '../../syntax/replaceNodes.ts'

/**
 * The same query, asked as the user who owns the most rows by the table's statistics: the worst case for a per-user
 * policy. The planner does not know the caller and estimates for the average one, so a plan may be bad for a user who is
 * a member of every organisation.
 *
 * ```sql
 * SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid()   -- before
 * SELECT m.org_id FROM public.members m WHERE m.user_id = 'c4ca42...'  -- after
 * ```
 */
export async function asHeaviestCaller(db: Database, query: Node): Promise<Node> {
  const values = new Map<Node, string>()
  for (const { node, column } of callerComparisons(query)) {
    const relation = relationOf(query, column)
    const name = words(as(column, 'ColumnRef')?.fields ?? []).at(-1)
    if (!relation || name === undefined) continue
    const table = { schema: relation.schemaname ?? 'public', name: relation.relname }
    const value = (await findSampleValues(db, table, name))?.mostCommon ?? undefined
    if (value !== undefined) values.set(node, value)
  }
  return replaceNodes(query, (node) => {
    const value = values.get(node)
    return value === undefined ? undefined : { A_Const: { sval: { sval: value } } }
  })
}

/** Whether the query compares a column with the caller, so that each caller has their own list. */
export function comparesWithCaller(query: Node): boolean {
  return callerComparisons(query).length > 0
}

/** The sides of `column = caller` that ask who is calling: they have no column and are no plain constant. */
function callerComparisons(query: Node): { node: Node; column: Node }[] {
  return nodesIn(query).flatMap((each) => {
    const comparison = as(each, 'A_Expr')
    const { lexpr, rexpr } = comparison ?? {}
    if (comparison?.kind !== 'AEXPR_OP' || words(comparison.name).at(-1) !== '=' || !lexpr || !rexpr)
      return []
    if (kindOf(lexpr) === 'ColumnRef' && asksWhoCalls(rexpr)) return [{ node: rexpr, column: lexpr }]
    if (kindOf(rexpr) === 'ColumnRef' && asksWhoCalls(lexpr)) return [{ node: lexpr, column: rexpr }]
    return []
  })
}

function asksWhoCalls(side: Node): boolean {
  const kinds = new Set(Array.from(nodesIn(side), kindOf))
  return !kinds.has('ColumnRef') && (kinds.has('FuncCall') || kinds.has('SQLValueFunction'))
}

/** The table whose alias qualifies the column. */
function relationOf(query: Node, column: Node): RangeVar | undefined {
  const [alias, ...rest] = words(as(column, 'ColumnRef')?.fields ?? [])
  if (rest.length !== 1) return undefined
  return nodesIn(query)
    .flatMap((node) => as(node, 'RangeVar') ?? [])
    .find((relation) => (relation.alias?.aliasname ?? relation.relname) === alias)
}
