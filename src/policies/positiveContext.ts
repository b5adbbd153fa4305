import type { Node } from '../sql/nodes.ts'
import { as } from '../sql/nodes.ts'
import { replaceBelow } from '../sql/replaceNodes.ts'

/**
 * A copy of a predicate in which nodes are replaced, outermost first, by one who is told whether NULL and false
 * mean the same there: at the top and below AND and OR, but not below NOT, IS TRUE, CASE and the like. A WHERE
 * or ON within it starts afresh, since it keeps a row out for either.
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
      return { BoolExpr: { ...logic, args: logic.args.map((argument) => visit(argument, stays)) } }
    }
    const select = as(node, 'SelectStmt')
    if (select) {
      const { whereClause, ...rest } = select
      return {
        SelectStmt: { ...below(rest), ...(whereClause ? { whereClause: visit(whereClause, true) } : {}) },
      }
    }
    const join = as(node, 'JoinExpr')
    if (join) {
      const { quals, ...rest } = join
      return { JoinExpr: { ...below(rest), ...(quals ? { quals: visit(quals, true) } : {}) } }
    }
    return below(node)
  }
  const below = <T>(value: T): T => replaceBelow(value, (child) => visit(child, false))
  return visit(tree, true)
}
