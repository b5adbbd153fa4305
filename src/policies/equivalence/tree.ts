import type { Node } from '../../sql/nodes.ts'

/** Where a node sits below the root: the keys and indexes that lead to it. */
export type Path = (string | number)[]

/** A node met on a walk: its kind (`FuncCall`), its fields, and the way to it. */
export interface Met {
  node: Node
  kind: string
  fields: Record<string, unknown>
  path: Path
}

/** Every node below `root` and `root` itself, parents first. */
export function* nodesIn(root: unknown, path: Path = []): Generator<Met> {
  if (Array.isArray(root)) {
    for (const [index, item] of root.entries()) yield* nodesIn(item, [...path, index])
    return
  }
  if (!isRecord(root)) return
  const kind = kindOf(root)
  if (kind !== undefined) yield { node: root, kind, fields: root[kind] as Record<string, unknown>, path }
  for (const [key, child] of Object.entries(root)) yield* nodesIn(child, [...path, key])
}

/** Every node of one kind, by its fields. */
export function* fieldsOf(root: unknown, wanted: string): Generator<Record<string, unknown>> {
  for (const { kind, fields } of nodesIn(root)) if (kind === wanted) yield fields
}

/** A copy of `root` in which the node at `path` is another one; the rest is shared. */
export function replaceAt<T>(root: T, path: Path, replacement: unknown): T {
  const [step, ...rest] = path
  if (step === undefined) return replacement as T
  if (Array.isArray(root))
    return root.with(Number(step), replaceAt(root[Number(step)], rest, replacement)) as T
  const record = root as Record<string, unknown>
  return { ...record, [step]: replaceAt(record[step], rest, replacement) } as T
}

/** `pg_catalog.any_name` -> `['pg_catalog', 'any_name']`, for the lists of strings that name things. */
export function nameParts(list: unknown): string[] {
  return (Array.isArray(list) ? list : []).flatMap((part: unknown) => {
    const text = isRecord(part) ? (part['String'] as { sval?: string } | undefined)?.sval : undefined
    return text === undefined ? [] : [text]
  })
}

/** The text of a string constant, also below casts; undefined for anything else. */
export function stringConstant(node: unknown): string | undefined {
  if (!isRecord(node)) return undefined
  const cast = node['TypeCast'] as { arg?: unknown } | undefined
  if (cast) return stringConstant(cast.arg)
  const constant = node['A_Const'] as { sval?: { sval?: string } } | undefined
  return constant?.sval ? (constant.sval.sval ?? '') : undefined
}

/** A string constant as a node. */
export function stringNode(text: string): Node {
  return { A_Const: { sval: { sval: text } } }
}

/** `true` or `false` as a node. */
export function booleanNode(value: boolean): Node {
  return { A_Const: { boolval: value ? { boolval: true } : {} } }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Nodes are objects with one key that begins with a capital letter; everything else is a field. */
function kindOf(value: Record<string, unknown>): string | undefined {
  const keys = Object.keys(value)
  const [key] = keys
  return keys.length === 1 && key !== undefined && /^[A-Z]/.test(key) && isRecord(value[key])
    ? key
    : undefined
}
