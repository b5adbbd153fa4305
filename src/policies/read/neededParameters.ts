import type { Node, SelectStmt } from '../../syntax/nodes.ts'
import { as, words } from '../../syntax/nodes.ts'

/**
 * The parameters, by position, without which an expression is not true, and as a value is NULL: where they are NULL it
 * keeps out as STRICT would.
 *
 * `EXISTS (SELECT FROM members m WHERE m.org_id = $1 AND m.user_id = $2)` -> 0 and 1
 */
export function neededParameters(node: Node | undefined): ReadonlySet<number> {
  const parameter = as(node, 'ParamRef')
  if (parameter) return new Set([parameter.number - 1])
  const cast = as(node, 'TypeCast')
  if (cast) return neededParameters(cast.arg)
  const logic = as(node, 'BoolExpr')
  if (logic?.boolop === 'AND_EXPR') return union(logic.args.map(neededParameters))
  if (logic?.boolop === 'OR_EXPR') return intersection(logic.args.map(neededParameters))
  const comparison = as(node, 'A_Expr')
  if (comparison && comparisons.has(words(comparison.name).join('.'))) {
    const { kind, lexpr, rexpr } = comparison
    if (kind === 'AEXPR_OP') return union([neededParameters(lexpr), neededParameters(rexpr)])
    return kind === 'AEXPR_IN' || kind === 'AEXPR_OP_ANY' ? neededParameters(lexpr) : new Set()
  }
  const link = as(node, 'SubLink')
  const select = as(link?.subselect, 'SelectStmt')
  if (!link || !select) return new Set()
  if (link.subLinkType === 'ANY_SUBLINK')
    return link.operName ? new Set() : union([neededParameters(link.testexpr), ofRows(select)])
  return ['EXISTS_SUBLINK', 'EXPR_SUBLINK'].includes(link.subLinkType) ? ofRows(select) : new Set()
}

const comparisons = new Set(['=', '<>', '<', '>', '<=', '>='])

/** Without which it finds no row. An aggregate finds one in any case. */
function ofRows({
  larg,
  rarg,
  op,
  whereClause,
  fromClause,
  groupClause,
  havingClause,
  targetList = [],
}: SelectStmt): ReadonlySet<number> {
  if (larg && rarg) return op === 'SETOP_UNION' ? intersection([ofRows(larg), ofRows(rarg)]) : new Set()
  const isPlain = targetList.every((target) => {
    const value = as(target, 'ResTarget')?.val ?? {}
    return 'A_Const' in value || 'ColumnRef' in value
  })
  return fromClause && isPlain && !groupClause && !havingClause ? neededParameters(whereClause) : new Set()
}

function union(sets: ReadonlySet<number>[]): ReadonlySet<number> {
  return new Set(sets.flatMap((each) => [...each]))
}

function intersection([first = new Set(), ...others]: ReadonlySet<number>[]): ReadonlySet<number> {
  return new Set([...first].filter((each) => others.every((other) => other.has(each))))
}
