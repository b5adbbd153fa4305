import type { Document, LineCounter, Node } from 'yaml'
import { isMap, isScalar, isSeq } from 'yaml'

/** Where something stands in a text. Both count from 1. */
export interface Place {
  line: number
  column: number
}

/** Where the value at a path stands; where it is absent, the place that should have had it. */
export function placeOfValue(document: Document, lines: LineCounter, path: readonly PropertyKey[]): Place {
  for (let length = path.length; length > 0; length -= 1) {
    const key = placeOfKey(document, lines, path.slice(0, length - 1), path[length - 1])
    const node = document.getIn(path.slice(0, length), true) as Node | undefined
    // An object begins with its first key; what is wrong with it is better told by the key that leads to it.
    const offset = isMap(node) || isSeq(node) ? undefined : node?.range?.[0]
    if (offset !== undefined) return at(lines, offset)
    if (key) return key
    if (node?.range) return at(lines, node.range[0])
  }
  return { line: 1, column: 1 }
}

/** Where a key of the object at a path stands. */
export function placeOfKey(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
  key: PropertyKey | undefined,
): Place | undefined {
  const object = path.length === 0 ? document.contents : document.getIn(path, true)
  if (!isMap(object)) return undefined
  const found = object.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key))
  const offset = isScalar(found?.key) ? found.key.range?.[0] : undefined
  return offset === undefined ? undefined : at(lines, offset)
}

function at(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}
