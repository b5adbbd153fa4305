import type { Node } from '../../syntax/nodes.ts'
import { as, words } from '../../syntax/nodes.ts'
import { isBare, wrappedIn } from '../../syntax/expression.ts'
import type { Call, CalledFunction } from './bodies.ts'
import { callOf } from './bodies.ts'

/** What an expression's parts are known to be. */
export interface NullContext {
  /** Whether the column, as it is written, may hold NULL. */
  columnMayBeNull(names: string[]): boolean
  functions: CalledFunction[]
}

const comparisons = ['=', '<>', '<', '<=', '>', '>=']

/**
 * Whether the expression may be NULL: false only where that is certain, as for `level >= 2` where `level` is
 * NOT NULL, or for a function that gives an EXISTS.
 */
export function mayBeNull(node: Node | undefined, context: NullContext): boolean {
  if (node === undefined) return true
  const may = (part: Node | undefined) => mayBeNull(part, context)
  if (as(node, 'NullTest') || as(node, 'BooleanTest')) return false
  const constant = as(node, 'A_Const')
  if (constant) return constant.isnull === true
  const reference = as(node, 'ColumnRef')
  if (reference) return context.columnMayBeNull(words(reference.fields))
  const cast = as(node, 'TypeCast')
  if (cast) return may(cast.arg)
  const connective = as(node, 'BoolExpr')
  if (connective) return connective.args.some(may)
  const coalesced = as(node, 'CoalesceExpr')
  if (coalesced) return coalesced.args.every(may)
  const array = as(node, 'A_ArrayExpr')
  if (array) return false
  const operator = as(node, 'A_Expr')
  if (operator) {
    const name = words(operator.name).at(-1) ?? ''
    if (operator.kind === 'AEXPR_DISTINCT' || operator.kind === 'AEXPR_NOT_DISTINCT') return false
    if (operator.kind === 'AEXPR_OP')
      return !comparisons.includes(name) || may(operator.lexpr) || may(operator.rexpr)
    if (operator.kind === 'AEXPR_OP_ANY' || operator.kind === 'AEXPR_OP_ALL') {
      const elements = operator.rexpr && as(operator.rexpr, 'A_ArrayExpr')?.elements
      return elements === undefined || may(operator.lexpr) || elements.some(may)
    }
    return true
  }
  const call = as(node, 'FuncCall')
  if (call) return !givesExists(callOf(call as unknown as Record<string, unknown>), context.functions)
  const link = as(node, 'SubLink')
  if (link?.subLinkType === 'EXISTS_SUBLINK') return false
  return link?.subLinkType === 'EXPR_SUBLINK' ? may(wrappedIn(node)) : true
}

/** Whether every function of that name is `SELECT EXISTS (...)`. */
function givesExists({ schema, name }: Call, functions: CalledFunction[]): boolean {
  const called = functions.filter((each) => each.name === name && (schema ?? each.schema) === each.schema)
  return (
    called.length > 0 &&
    called.every(({ body: [statement, ...more] }) => {
      const select = statement && as(statement, 'SelectStmt')
      const target = select && isBare(select) ? select.targetList?.[0] : undefined
      const value = target && as(target, 'ResTarget')?.val
      return (
        more.length === 0 && value !== undefined && as(value, 'SubLink')?.subLinkType === 'EXISTS_SUBLINK'
      )
    })
  )
}
