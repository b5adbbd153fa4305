import type { Node, SelectStmt } from '../syntax/nodes.ts'
import { as, isNode, words } from '../syntax/nodes.ts'
import { aliasesOf } from '../syntax/rowReferences.ts'

/**
 * Whether an expression reads a column of a row of the statement, so that its value is not known when the statement
 * starts. Columns of a sub-select's own tables do not count: `(SELECT max(day) FROM days)` is evaluated once. An
 * unqualified column in a sub-select with a FROM is taken for one of that FROM.
 *
 * @param isFixed of a column whose value is known all the same
 */
export function readsOtherRows(expression: unknown, isFixed: (column: Node) => boolean): boolean {
  return reads(expression, undefined, isFixed)
}

function reads(
  value: unknown,
  own: ReadonlySet<string> | undefined,
  isFixed: (column: Node) => boolean,
): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some((item) => reads(item, own, isFixed))
  if (isNode(value)) {
    const column = as(value, 'ColumnRef')
    if (column) {
      const parts = words(column.fields)
      const isOwn = own !== undefined && (parts.length === 1 || own.has(parts.at(-2) ?? ''))
      return !isOwn && !isFixed(value)
    }
    const select = as(value, 'SelectStmt')
    if (select) return selectReads(select, own, isFixed)
  }
  return Object.values(value).some((child) => reads(child, own, isFixed))
}

function selectReads(
  select: SelectStmt,
  own: ReadonlySet<string> | undefined,
  isFixed: (column: Node) => boolean,
): boolean {
  const { larg, rarg, ...rest } = select
  const aliases = aliasesOf(select.fromClause ?? [])
  const inner = aliases.length > 0 ? new Set([...(own ?? []), ...aliases]) : own
  if (reads(rest, inner, isFixed)) return true
  return [larg, rarg].some((arm) => arm !== undefined && selectReads(arm, own, isFixed))
}
