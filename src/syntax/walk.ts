import type { Node } from './nodes.ts'
import { as, isNode, kindOf } from './nodes.ts'

/** Where a node sits below the root: the keys and indexes that lead to it. */
export type Path = (string | number)[]

/** A node found on a walk: its kind (`FuncCall`), its fields, and the path to it. */
export interface Met {
  node: Node
  kind: string
  fields: Record<string, unknown>
  path: Path
}

/** `root` and every node below it, each with its path, parents first. */
export function* walk(root: unknown, path: Path = []): Generator<Met> {
  if (Array.isArray(root)) {
    for (const [index, item] of root.entries()) yield* walk(item, [...path, index])
    return
  }
  if (!isRecord(root)) return
  if (isNode(root)) {
    const kind = kindOf(root)
    const fields = root[kind]
    if (isRecord(fields)) yield { node: root, kind, fields, path }
  }
  for (const [key, child] of Object.entries(root)) yield* walk(child, [...path, key])
}

/** Every node of one kind, by its fields. */
export function* fieldsOf(root: unknown, wanted: string): Generator<Record<string, unknown>> {
  for (const { kind, fields } of walk(root)) if (kind === wanted) yield fields
}

/** The node at `path`. */
export function nodeAt(root: unknown, path: Path): Node {
  let found = root
  for (const step of path) found = (found as Record<string | number, unknown>)[step]
  return found as Node
}

/** A copy of `root` with another node at `path`; the rest is shared. */
export function replaceAt<T>(root: T, path: Path, replacement: unknown): T {
  const [step, ...rest] = path
  if (step === undefined) return replacement as T
  if (Array.isArray(root))
    return root.with(Number(step), replaceAt(root[Number(step)], rest, replacement)) as T
  const record = root as Record<string, unknown>
  return { ...record, [step]: replaceAt(record[step], rest, replacement) } as T
}

/** The strings in a list that holds a name: `pg_catalog.any_name` -> both words. Other items of the list are left out. */
export function nameParts(list: unknown): string[] {
  return (Array.isArray(list) ? list : []).flatMap((part: unknown) => {
    const text = isRecord(part) ? as(part, 'String')?.sval : undefined
    return text === undefined ? [] : [text]
  })
}

/** The text of a string constant, also below casts; undefined for anything else. */
export function stringConstant(node: unknown): string | undefined {
  if (!isRecord(node)) return undefined
  const cast = as(node, 'TypeCast')
  if (cast) return stringConstant(cast.arg)
  const constant = as(node, 'A_Const')
  return constant?.sval ? (constant.sval.sval ?? '') : undefined
}

/** Whether the value is an object with keys, not a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
