import type { Node } from './nodes.ts'

/** A relation as a statement names it; without a schema, `search_path` decides. */
export interface NamedRelation {
  schema?: string
  name: string
}

/**
 * Every relation that a statement names: tables and views as `RangeVar`, and the names in a DROP, which are plain
 * lists.
 */
export function relationsIn(node: Node): NamedRelation[] {
  const found: NamedRelation[] = []
  visit(node, found)
  return found
}

const droppedRelations = ['OBJECT_INDEX', 'OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_SEQUENCE']

function visit(value: unknown, found: NamedRelation[]): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, found)
    return
  }
  if (typeof value !== 'object' || value === null) return
  // Finds both a node, `{ RangeVar: { relname } }`, and a field of that type without the wrapper, `relation: { relname }`.
  const { relname, schemaname, removeType, objects } = value as Record<string, unknown>
  if (typeof relname === 'string') {
    found.push({ name: relname, ...(typeof schemaname === 'string' ? { schema: schemaname } : {}) })
  }
  if (droppedRelations.includes(removeType as string)) found.push(...droppedNames(objects as DroppedName[]))
  for (const child of Object.values(value)) visit(child, found)
}

/** An object of a DROP: the parts of its name, the schema first where there is one. */
export interface DroppedName {
  List: { items: { String: { sval: string } }[] }
}

export function droppedNames(objects: DroppedName[]): NamedRelation[] {
  return objects.map(({ List }) => {
    const parts = List.items.map((item) => item.String.sval)
    const schema = parts.at(-2)
    return { name: parts.at(-1) ?? '', ...(schema === undefined ? {} : { schema }) }
  })
}

/** The tables of `DROP POLICY p ON s.t`, which lists the parts `s`, `t`, `p`; none for any other statement. */
export function tablesOfDroppedPolicies(node: Node): NamedRelation[] {
  const drop = node['DropStmt'] as { removeType?: string; objects?: DroppedName[] } | undefined
  if (drop?.removeType !== 'OBJECT_POLICY') return []
  return droppedNames((drop.objects ?? []).map(({ List }) => ({ List: { items: List.items.slice(0, -1) } })))
}
