import type { Node } from '../../syntax/nodes.ts'
import { as } from '../../syntax/nodes.ts'
import { replaceBelow } from '../../syntax/replaceNodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import type { ArmOrder } from '../read/armOrder.ts'
import { mayComeEarlier } from '../read/armOrder.ts'

/**
 * Puts the arms of an OR that read a set of keys behind those that need no set. A statement that finds only rows of the
 * caller's own then never reads the set.
 *
 * ```sql
 * id = ANY ((SELECT private.my_conversations())::uuid[]) OR created_by = (SELECT auth.uid())   -- before
 * created_by = (SELECT auth.uid()) OR id = ANY ((SELECT private.my_conversations())::uuid[])   -- after
 * ```
 */
export function setsLast(tree: Node, order: ArmOrder): Node {
  const arrange = (node: Node): Node | undefined => {
    if (as(node, 'SubLink')) return node
    const connective = as(node, 'BoolExpr')
    if (!connective) return undefined
    const args = connective.args.map((arm) => arrange(arm) ?? replaceBelow(arm, arrange))
    const first = args.findIndex(readsSet)
    const isOr = connective.boolop === 'OR_EXPR' && first >= 0
    const mayPass = (arm: Node, at: number): boolean =>
      isOr && at > first && !readsSet(arm) && mayComeEarlier(arm, args.slice(first, at), order)
    const passing = args.filter(mayPass)
    const rest = args.filter((arm) => !passing.includes(arm))
    return {
      BoolExpr: {
        ...connective,
        args: passing.length === 0 ? args : [...rest.slice(0, first), ...passing, ...rest.slice(first)],
      },
    }
  }
  return arrange(tree) ?? tree
}

/** `id = ANY ((SELECT f())::uuid[])` and `id IN (SELECT ...)`, also beside other conditions. */
function readsSet(node: Node): boolean {
  const connective = as(node, 'BoolExpr')
  if (connective) return connective.args.some(readsSet)
  const own = as(node, 'SubLink')
  const link = own?.subLinkType === 'ANY_SUBLINK' ? own : as(arrayIn(node), 'SubLink')
  return link !== undefined && rowReferences(link.subselect).length === 0
}

/** The sub-select of `= ANY (sub-select)`. */
function arrayIn(node: Node): Node | undefined {
  const comparison = as(node, 'A_Expr')
  if (comparison?.kind !== 'AEXPR_OP_ANY') return undefined
  return as(comparison.rexpr, 'TypeCast')?.arg ?? comparison.rexpr
}
