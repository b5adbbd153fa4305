import type { Node } from './nodes.ts'
import { isNode } from './nodes.ts'

/**
 * A copy of the tree in which nodes are replaced, outermost first. If `replace` returns a node, it takes the place of the
 * old one and is not searched further; if it returns undefined, the children are tried. Unchanged parts are shared with
 * the original.
 */
export function replaceNodes<T>(tree: T, replace: (node: Node) => Node | undefined): T {
  if (isNode(tree)) {
    const replacement = replace(tree)
    if (replacement) return replacement as T
  }
  return replaceBelow(tree, replace)
}

/** As `replaceNodes`, but only for the nodes below this one. */
export function replaceBelow<T>(tree: T, replace: (node: Node) => Node | undefined): T {
  if (Array.isArray(tree)) {
    let items: unknown[] | undefined
    for (const [at, item] of (tree as unknown[]).entries()) {
      const replaced = replaceNodes(item, replace)
      if (replaced === item) continue
      items ??= [...(tree as unknown[])]
      items[at] = replaced
    }
    return (items as T | undefined) ?? tree
  }
  if (typeof tree !== 'object' || tree === null) return tree
  let copy: Record<string, unknown> | undefined
  for (const [key, child] of Object.entries(tree)) {
    const replaced: unknown = replaceNodes(child, replace)
    if (replaced === child) continue
    copy ??= { ...(tree as Record<string, unknown>) }
    copy[key] = replaced
  }
  return (copy as T | undefined) ?? tree
}

/** The nodes right below a node. */
export function childNodes(node: Node): Node[] {
  const children: Node[] = []
  replaceBelow(node, (child) => {
    children.push(child)
    return child
  })
  return children
}
