import type { Node, SelectStmt } from './nodes.ts'
import { as, isNode, words } from './nodes.ts'

/**
 * The columns in an expression that belong to no FROM inside it: columns of the policy's row, or of an outer query.
 * PostgreSQL prints every column in a sub-select with its relation's alias, so the first part of the name tells the
 * two apart.
 *
 * `EXISTS (SELECT 1 FROM m WHERE m.id = bookings.id AND m.owner = auth.uid())` -> `bookings.id`
 */
export function rowReferences(expression: unknown): Node[] {
  const found: Node[] = []
  visit(expression, new Set(), found)
  return found
}

function visit(value: unknown, bound: ReadonlySet<string>, found: Node[]): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, bound, found)
    return
  }
  if (typeof value !== 'object' || value === null) return
  if (isNode(value)) {
    const column = as(value, 'ColumnRef')
    if (column) {
      const [first = '', ...rest] = words(column.fields)
      if (rest.length === 0 || !bound.has(first)) found.push(value)
      return
    }
    const select = as(value, 'SelectStmt')
    if (select) {
      visitSelect(select, bound, found)
      return
    }
  }
  for (const child of Object.values(value)) visit(child, bound, found)
}

/** The two sides of a set operation are selects without a `SelectStmt` wrapper; each binds names of its own. */
function visitSelect(select: SelectStmt, bound: ReadonlySet<string>, found: Node[]): void {
  const { larg, rarg, ...own } = select
  const inner = new Set([...bound, ...aliasesOf(select.fromClause ?? [])])
  visit(own, inner, found)
  if (larg) visitSelect(larg, bound, found)
  if (rarg) visitSelect(rarg, bound, found)
}

/** The names under which the relations of a FROM appear. */
export function aliasesOf(from: readonly Node[]): string[] {
  return from.flatMap((item) => {
    const join = as(item, 'JoinExpr')
    if (join) return [...aliasesOf([join.larg, join.rarg]), ...(join.alias ? [join.alias.aliasname] : [])]
    const relation = as(item, 'RangeVar')
    if (relation) return [relation.alias?.aliasname ?? relation.relname]
    const sampled = as(item, 'RangeTableSample')
    if (sampled) return aliasesOf([sampled.relation])
    const alias = as(item, 'RangeSubselect')?.alias ?? as(item, 'RangeFunction')?.alias
    return alias ? [alias.aliasname] : []
  })
}
