import { nameOfCall } from '../../policies/read/calls.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, nodesIn } from '../../syntax/nodes.ts'

/** Whether a condition says who is calling: `auth.uid()`, `auth.jwt()`, `current_setting(...)`, `current_user`. */
export function namesCaller(tree: Node): boolean {
  return nodesIn(tree).some((node) => {
    if ('SQLValueFunction' in node) {
      return ['SVFOP_CURRENT_USER', 'SVFOP_USER', 'SVFOP_SESSION_USER', 'SVFOP_CURRENT_ROLE'].includes(
        as(node, 'SQLValueFunction')?.op ?? '',
      )
    }
    const call = as(node, 'FuncCall')
    if (!call) return false
    const { schema, name } = nameOfCall(call)
    return schema === 'auth' || name === 'current_setting'
  })
}
