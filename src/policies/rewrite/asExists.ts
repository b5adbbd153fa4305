import { conjunction } from '../../syntax/build.ts'
import type { Node, OperatorExpression, SelectStmt, SubLink } from '../../syntax/nodes.ts'
import { as, conjuncts, nodesIn, words } from '../../syntax/nodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import type { Hazards } from '../read/hazards.ts'
import { withoutLimit } from '../read/membershipBody.ts'
import { Unclear } from '../read/queryColumns.ts'

/**
 * A condition on the one value that a sub-select finds, or on a count, as EXISTS. Where NULL and false mean the same, it
 * lets the same rows pass: no row, and a value of NULL, let nothing pass before either. There must not be two rows, which
 * are an error as a value: a unique key sees to that.
 *
 * ```sql
 * (SELECT p.owner FROM parents p WHERE p.id = docs.parent_id) = auth.uid()                       -- before
 * EXISTS (SELECT 1 FROM parents p WHERE p.id = docs.parent_id AND p.owner = auth.uid())          -- after
 *
 * (SELECT count(*) FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid()) > 0   -- before
 * EXISTS (SELECT 1 FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid())       -- after
 * ```
 *
 * @returns undefined if it is no such condition, or cannot be one
 */
export function asExists(node: Node, hazards: Pick<Hazards, 'findsOneAtMost'>): SubLink | undefined {
  const parts = partsOf(node)
  const { targetList = [], ...query } = parts?.select ?? {}
  const [target, ...more] = targetList
  const value = as(target, 'ResTarget')?.val
  if (!parts || !value || more.length > 0) return undefined
  const plain = plainQuery({ ...query, targetList } as SelectStmt)
  if (!plain) return undefined
  if (isCountOfRows(value)) return parts.isAboveZero ? existsOf(plain) : undefined
  if (nodesIn(value).some((each) => 'FuncCall' in each) || !hazards.findsOneAtMost(plain)) return undefined
  // `(SELECT true FROM ...)` asks for a row.
  const isTrue = as(node, 'SubLink') !== undefined && as(value, 'A_Const')?.boolval?.boolval === true
  return existsOf(plain, isTrue ? undefined : parts.conditionOn(value))
}

/** A scalar sub-select, and the condition on its value. */
interface Parts {
  select: SelectStmt
  conditionOn(value: Node): Node
  /** The condition is `> 0`, or the same in other words. */
  isAboveZero: boolean
}

/** Comparisons that are not met by NULL. */
const comparisons = new Set(['=', '<>', '<', '>', '<=', '>='])
const ofLists = new Set(['AEXPR_IN', 'AEXPR_OP_ANY'])

function partsOf(node: Node): Parts | undefined {
  const itself = scalarIn(node)
  if (itself) return { ...itself, isAboveZero: false }
  const expression = as(node, 'A_Expr')
  const operator = expression && words(expression.name).join('.')
  if (!expression?.lexpr || !expression.rexpr || !comparisons.has(operator ?? '')) return undefined
  const { lexpr, rexpr } = expression
  if (expression.kind !== 'AEXPR_OP' && !ofLists.has(expression.kind)) return undefined
  const left = dependsOnRow(lexpr) ? scalarIn(lexpr) : undefined
  const right = expression.kind === 'AEXPR_OP' ? scalarIn(rexpr) : undefined
  const [found, other] = left ? [left, rexpr] : [right, lexpr]
  // Within the query, a column of the row could be taken for one of the query.
  if (!found || dependsOnRow(other)) return undefined
  const withSide = (side: Partial<OperatorExpression>): Node => ({ A_Expr: { ...expression, ...side } })
  return {
    select: found.select,
    conditionOn: (value) =>
      withSide(left ? { lexpr: found.conditionOn(value) } : { rexpr: found.conditionOn(value) }),
    isAboveZero: left !== undefined && ['> 0', '>= 1', '<> 0'].includes(`${operator} ${numberIn(rexpr)}`),
  }
}

/** In the body of a function, the row is what its parameters hold. */
function dependsOnRow(node: Node): boolean {
  return rowReferences(node).length > 0 || nodesIn(node).some((each) => 'ParamRef' in each)
}

/** `(SELECT ...)` and `(SELECT ...)::text`; the value goes into the cast. */
function scalarIn(node: Node): Pick<Parts, 'select' | 'conditionOn'> | undefined {
  const cast = as(node, 'TypeCast')
  if (cast) {
    const inner = scalarIn(cast.arg)
    return inner && { ...inner, conditionOn: (value) => ({ TypeCast: { ...cast, arg: value } }) }
  }
  const link = as(node, 'SubLink')
  const select = link?.subLinkType === 'EXPR_SUBLINK' ? as(link.subselect, 'SelectStmt') : undefined
  return select?.fromClause && { select, conditionOn: (value) => value }
}

function plainQuery(select: SelectStmt): SelectStmt | undefined {
  try {
    return withoutLimit(select)
  } catch (error) {
    if (error instanceof Unclear) return undefined
    throw error
  }
}

/** `count(*)` */
function isCountOfRows(value: Node): boolean {
  const call = as(value, 'FuncCall')
  if (!call) return false
  const [name, schema = 'pg_catalog'] = words(call.funcname).toReversed()
  const { agg_star, agg_filter, over } = call as { agg_star?: boolean; agg_filter?: Node; over?: unknown }
  return name === 'count' && schema === 'pg_catalog' && agg_star === true && !agg_filter && !over
}

function numberIn(node: Node): number | undefined {
  const constant = as(node, 'A_Const')
  return constant?.ival === undefined ? undefined : (constant.ival.ival ?? 0)
}

function existsOf(query: SelectStmt, condition?: Node): SubLink {
  const where = conjunction([
    ...(query.whereClause ? conjuncts(query.whereClause) : []),
    ...(condition ? [condition] : []),
  ])
  const targetList: Node[] = [{ ResTarget: { val: { A_Const: { ival: { ival: 1 } } } } }]
  return {
    subLinkType: 'EXISTS_SUBLINK',
    subselect: { SelectStmt: { ...query, targetList, ...(where ? { whereClause: where } : {}) } },
  }
}
