import type { Node } from '../../syntax/nodes.ts'
import { as, words } from '../../syntax/nodes.ts'
import { replaceBelow } from '../../syntax/replaceNodes.ts'

/**
 * A copy of a predicate in which nodes are replaced, outermost first, by one who is told whether NULL and false
 * mean the same there: at the top, below AND, OR and IS TRUE, and where it is compared with `true`, but not below NOT,
 * IS FALSE, CASE and the like. A WHERE or ON within it starts afresh, since it keeps a row out for either. Parts without
 * a change are shared with the original.
 *
 * @param replace returns the node itself to leave it whole, and undefined to be asked for what is below it
 */
export function replaceInContext(
  tree: Node,
  replace: (node: Node, isPositive: boolean) => Node | undefined,
): Node {
  const visit = (node: Node, isPositive: boolean): Node => {
    const replacement = replace(node, isPositive)
    if (replacement) return replacement
    const logic = as(node, 'BoolExpr')
    if (logic) {
      const stays = isPositive && logic.boolop !== 'NOT_EXPR'
      const args = logic.args.map((argument) => visit(argument, stays))
      return args.every((argument, index) => argument === logic.args[index])
        ? node
        : { BoolExpr: { ...logic, args } }
    }
    const asked = isPositive ? comparedWithTrue(node) : undefined
    if (asked) {
      const answer = visit(asked, true)
      // What is new stands alone, since an index serves no `(a = b) IS TRUE`.
      return answer === asked ? node : answer
    }
    const conditional = conditionIn(node)
    if (conditional) {
      const { kind, field, condition, rest } = conditional
      const [changed, then] = [below(rest), condition && visit(condition, true)]
      if (changed === rest && then === condition) return node
      return { [kind]: { ...changed, ...(then ? { [field]: then } : {}) } }
    }
    return below(node)
  }
  const below = <T>(value: T): T => replaceBelow(value, (child) => visit(child, false))
  return visit(tree, true)
}

/** WHERE of a query, ON of a join, and what else these hold. */
function conditionIn(node: Node) {
  const select = as(node, 'SelectStmt')
  if (select) {
    const { whereClause, ...rest } = select
    return { kind: 'SelectStmt', field: 'whereClause', condition: whereClause, rest }
  }
  const join = as(node, 'JoinExpr')
  if (!join) return undefined
  const { quals, ...rest } = join
  return { kind: 'JoinExpr', field: 'quals', condition: quals, rest }
}

/** The `x` of `x = true` and of `x IS TRUE`, which let pass where `x` does. */
export function comparedWithTrue(node: Node): Node | undefined {
  const test = as(node, 'BooleanTest')
  if (test) return test.booltesttype === 'IS_TRUE' ? test.arg : undefined
  const comparison = as(node, 'A_Expr')
  const isEquality = comparison?.kind === 'AEXPR_OP' && words(comparison.name).at(-1) === '='
  return isEquality && isTrue(comparison.rexpr) ? comparison.lexpr : undefined
}

/** The constant `true`. */
export function isTrue(node: Node | undefined): boolean {
  return node !== undefined && as(node, 'A_Const')?.boolval?.boolval === true
}
