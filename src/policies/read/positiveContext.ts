import type { Node } from '../../syntax/nodes.ts'
import { as, words } from '../../syntax/nodes.ts'
import { replaceBelow } from '../../syntax/replaceNodes.ts'

/**
 * A copy of a predicate in which nodes are replaced, outermost first. `replace` is told whether NULL and false mean the
 * same at that place. They do at the top, below AND, OR and IS TRUE, and in a comparison with `true`, but not below NOT,
 * IS FALSE, CASE and the like. In a nested WHERE or ON they do again, since either keeps the row out. Unchanged parts are
 * shared with the original.
 *
 * @param replace returns the node itself to leave it as it is, or undefined to be called for the nodes below it
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
      // The new expression replaces the whole comparison, since no index serves `(a = b) IS TRUE`.
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

/** The WHERE of a query or the ON of a join, and the rest of the node. */
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

/** The `x` of `x = true` and `x IS TRUE`, which let the same rows pass as `x`. */
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
