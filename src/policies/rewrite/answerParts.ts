import { booleanLiteral, conjunction, disjunction } from '../../syntax/build.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../syntax/nodes.ts'

/** A part of an answer: a condition of the policy, made when everything else is known to be possible. */
export interface Part {
  /** It is the same for every row and caller. */
  constant?: boolean
  make(): Node
}

/** A part that is always true, or never. */
export function constantPart(constant: boolean): Part {
  return { constant, make: () => booleanLiteral(constant) }
}

/** Lets pass what all of them let pass. */
export function allOf(parts: Part[]): Part {
  if (parts.some(({ constant }) => constant === false)) return constantPart(false)
  return joined(
    parts.filter(({ constant }) => constant === undefined),
    true,
  )
}

/** Lets pass what one of them lets pass. */
export function anyOf(parts: Part[]): Part {
  if (parts.some(({ constant }) => constant === true)) return constantPart(true)
  return joined(
    parts.filter(({ constant }) => constant === undefined),
    false,
  )
}

function joined(parts: Part[], isAll: boolean): Part {
  const [only, ...more] = parts
  if (!only) return constantPart(isAll)
  if (more.length === 0) return only
  const join = isAll ? conjunction : disjunction
  return { make: () => join(parts.map((part) => part.make())) ?? booleanLiteral(isAll) }
}

/** Lets pass what the part does not: `(x) IS NOT TRUE`. */
export function noneOf(part: Part): Part {
  if (part.constant !== undefined) return constantPart(!part.constant)
  return { make: () => ({ BooleanTest: { arg: part.make(), booltesttype: 'IS_NOT_TRUE' } }) }
}

/** `true`, `false` and NULL, which lets pass as little as false; undefined for everything else. */
export function constantIn(node: Node): boolean | undefined {
  const cast = as(node, 'TypeCast')
  if (cast) return constantIn(cast.arg)
  const constant = as(node, 'A_Const')
  if (constant && 'isnull' in constant) return false
  return constant?.boolval === undefined ? undefined : constant.boolval.boolval === true
}

/** Whether an expression is a boolean by its form, so that a cast to boolean changes nothing. */
export function isBooleanForm(node: Node): boolean {
  if (['BoolExpr', 'BooleanTest', 'NullTest'].some((kind) => kind in node)) return true
  const link = as(node, 'SubLink')
  if (link) return ['EXISTS_SUBLINK', 'ANY_SUBLINK'].includes(link.subLinkType)
  return as(node, 'A_Const')?.boolval !== undefined || isComparison(node)
}

/** Whether it is a comparison of two values. */
export function isComparison(node: Node): boolean {
  const expression = as(node, 'A_Expr')
  if (!expression) return false
  if (['AEXPR_IN', 'AEXPR_OP_ANY', 'AEXPR_OP_ALL', 'AEXPR_DISTINCT'].includes(expression.kind)) return true
  return (
    expression.kind === 'AEXPR_OP' &&
    ['=', '<>', '<', '>', '<=', '>='].includes(words(expression.name).at(-1) ?? '')
  )
}

/** Whether it is a cast to boolean. */
export function isBooleanCast(node: Node): boolean {
  const type = as(node, 'TypeCast')?.typeName
  return words(type?.names ?? []).at(-1) === 'bool' && (type?.arrayBounds ?? []).length === 0
}

/** A literal, a list or an array of literals, with casts. */
export function isLiteral(node: Node): boolean {
  const kinds = new Set([
    'A_Const',
    'TypeCast',
    'List',
    'A_ArrayExpr',
    'String',
    'Integer',
    'Float',
    'Boolean',
  ])
  return nodesIn(node).every((each) => Object.keys(each).every((kind) => kinds.has(kind)))
}

/** Whether an expression is true or false, and never NULL. */
export function isNeverNull(node: Node): boolean {
  if ('NullTest' in node || 'BooleanTest' in node) return true
  const logic = as(node, 'BoolExpr')
  if (logic) return logic.args.every(isNeverNull)
  const cast = as(node, 'TypeCast')
  if (cast) return isBooleanCast(node) && isNeverNull(cast.arg)
  const coalesce = as(node, 'CoalesceExpr')
  if (coalesce) return coalesce.args.some(isNeverNull)
  if (as(node, 'A_Const')?.boolval !== undefined) return true
  return as(node, 'SubLink')?.subLinkType === 'EXISTS_SUBLINK'
}
