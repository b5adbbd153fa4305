import { conjunction } from '../../syntax/build.ts'
import { isBare } from '../../syntax/expression.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { FuncCall, Node, OperatorExpression, SelectStmt, SubLink } from '../../syntax/nodes.ts'
import { as, conjuncts, nodesIn, words } from '../../syntax/nodes.ts'
import type { KeyQuery } from '../read/membershipBody.ts'
import { rowParameters } from '../read/parameters.ts'
import { constantIn } from './answerParts.ts'

/** The query with these conditions and no others. */
export function withConditions(select: SelectStmt, conditions: Node[]): SelectStmt {
  const { whereClause, ...rest } = select
  void whereClause
  const where = conjunction(conditions)
  return { ...rest, ...(where ? { whereClause: where } : {}) }
}

/** The query with one more condition. */
export function withCondition(select: SelectStmt, condition: Node): SelectStmt {
  return withConditions(select, [...(select.whereClause ? conjuncts(select.whereClause) : []), condition])
}

/** The query that only says whether there is a row. */
export function withTarget(select: SelectStmt): SelectStmt {
  return { ...select, targetList: [{ ResTarget: { val: { A_Const: { ival: { ival: 1 } } } } }] }
}

/** Whether it has LIMIT with a constant above 0, so that many rows are no error. */
export function takesFirst({ limitCount }: SelectStmt): boolean {
  return (as(limitCount, 'A_Const')?.ival?.ival ?? 0) > 0
}

/** Whether an expression names a column, or holds a query. */
export function readsColumns(node: Node): boolean {
  return nodesIn(node).some((each) => 'ColumnRef' in each || 'SubLink' in each)
}

/** `coalesce(x, false)` lets pass what `x` does. */
export function withoutCoalesce(value: Node): Node {
  const [first, second, ...more] = as(value, 'CoalesceExpr')?.args ?? []
  return first && second && more.length === 0 && constantIn(second) === false ? first : value
}

/** Whether a value asks if a query finds rows (`count(*) > 0`), or finds none (`count(*) = 0`). */
export function countAboveZero(value: Node): boolean | undefined {
  const comparison = as(value, 'A_Expr')
  const call = as(comparison?.lexpr, 'FuncCall')
  if (comparison?.kind !== 'AEXPR_OP' || !call || !isCountOfRows(call)) return undefined
  const constant = as(comparison.rexpr, 'A_Const')
  const asked = `${words(comparison.name).join('.')} ${constant?.ival === undefined ? '' : (constant.ival.ival ?? 0)}`
  if (['> 0', '>= 1', '<> 0'].includes(asked)) return true
  return ['= 0', '< 1'].includes(asked) ? false : undefined
}

/** `count(*)` and `count(1)`. */
function isCountOfRows(call: FuncCall): boolean {
  const { agg_star, agg_filter, agg_distinct, over } = call as Record<string, unknown>
  const [only, ...more] = call.args ?? []
  const isConstant = only !== undefined && more.length === 0 && as(only, 'A_Const')?.ival !== undefined
  return (
    isAggregate(call, 'count') && (agg_star === true || isConstant) && !agg_filter && !agg_distinct && !over
  )
}

/** The condition of `bool_or(condition)`, which is true if it is so for a row. */
export function conditionOfAny(value: Node): Node | undefined {
  const call = as(value, 'FuncCall')
  if (!call || !isAggregate(call, 'bool_or')) return undefined
  const { agg_filter, over } = call as Record<string, unknown>
  const [only, ...more] = call.args ?? []
  if (agg_filter || over || more.length > 0) return undefined
  return only && !nodesIn(only).some((node) => 'FuncCall' in node) ? only : undefined
}

function isAggregate(call: FuncCall, wanted: string): boolean {
  const [name, schema = 'pg_catalog'] = words(call.funcname).toReversed()
  return name === wanted && schema === 'pg_catalog'
}

/** A value without the casts around it. */
export function withoutCasts(node: Node): Node {
  const cast = as(node, 'TypeCast')
  return cast ? withoutCasts(cast.arg) : node
}

/** The side of a comparison that is computed from the row by a function, a CASE or a coalesce. */
export function sideToPush({ kind, lexpr, rexpr }: OperatorExpression): Node | undefined {
  if (!['AEXPR_OP', 'AEXPR_IN', 'AEXPR_OP_ANY'].includes(kind)) return undefined
  const isComputed = (side: Node | undefined) =>
    side !== undefined &&
    rowParameters(side).length > 0 &&
    ['FuncCall', 'CaseExpr', 'CoalesceExpr'].some((each) => each in withoutCasts(side))
  if (isComputed(lexpr)) return lexpr
  return kind === 'AEXPR_OP' && isComputed(rexpr) ? rexpr : undefined
}

/** The comparison with another value in the place of that side's; the casts of the side stay. */
export function withSide(comparison: OperatorExpression, side: Node, value: Node): Node {
  const put = casted(side, value)
  return {
    A_Expr: { ...comparison, ...(comparison.lexpr === side ? { lexpr: put } : { rexpr: put }) },
  }
}

function casted(side: Node, value: Node): Node {
  const cast = as(side, 'TypeCast')
  return cast ? { TypeCast: { ...cast, arg: casted(cast.arg, value) } } : value
}

/** Whether `=` or IN compares with texts or numbers of which the constant is none, so that the constant is never met. */
export function isOtherConstant(comparison: OperatorExpression, side: Node, constant: Node): boolean {
  const other = comparison.lexpr === side ? comparison.rexpr : comparison.lexpr
  if (!other || words(comparison.name).join() !== '=') return false
  const own = textOf(constant)
  const list = as(other, 'List')?.items ?? [other]
  return own !== undefined && list.every((each) => textOf(each) !== undefined && textOf(each) !== own)
}

function textOf(node: Node): string | undefined {
  return as(withoutCasts(node), 'A_Const')?.sval?.sval
}

/** The keys of `key IN (SELECT public.my_keys())`; undefined if it is no such query. */
export function keysOfSet(
  { subLinkType, operName, testexpr, subselect }: SubLink,
  key: number,
  functionOf: (call: FuncCall) => CatalogFunction | undefined,
): KeyQuery | undefined {
  const select = as(subselect, 'SelectStmt')
  const call = as(as(select?.targetList?.[0], 'ResTarget')?.val, 'FuncCall')
  if (subLinkType !== 'ANY_SUBLINK' || operName || !select || !call) return undefined
  if (!isBare(select) || select.targetList?.length !== 1 || rowParameters(subselect).length > 0)
    return undefined
  const called = functionOf(call)
  if (as(testexpr, 'ParamRef')?.number !== key + 1 || !called?.returnsSet) return undefined
  return {
    query: subselect,
    keyColumn: 'key',
    keyType: called.returnType,
    isNondeterministic: false,
    conditions: [subselect],
  }
}
