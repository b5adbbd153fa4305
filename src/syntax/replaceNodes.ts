import type { Node } from './nodes.ts'
import { isNode } from './nodes.ts'

/**
 * A copy of the tree in which nodes are replaced, outermost first: where `replace` returns a node, that one
 * stands there and is not looked into; where it returns undefined, the node's children are asked.
 * Parts without a change are shared with the original.
 */
export function replaceNodes<T>(tree: T, replace: (node: Node) => Node | undefined): T {
  if (isNode(tree)) {
    const replacement = replace(tree)
    if (replacement) return replacement as T
  }
  return replaceBelow(tree, replace)
}

/** As `replaceNodes`, but the node itself is not asked, only what is below it. */
export function replaceBelow<T>(tree: T, replace: (node: Node) => Node | undefined): T {
  if (Array.isArray(tree)) {
    const items = tree.map((item: unknown) => replaceNodes(item, replace))
    return items.every((item, index) => item === tree[index]) ? tree : (items as T)
  }
  if (typeof tree !== 'object' || tree === null) return tree
  let changed = false
  const entries = Object.entries(tree).map(([key, child]: [string, unknown]) => {
    const replaced = replaceNodes(child, replace)
    changed ||= replaced !== child
    return [key, replaced] as const
  })
  return changed ? (Object.fromEntries(entries) as T) : tree
}
