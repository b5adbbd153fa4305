import type { Node } from './nodes.ts'

/** A relation as a statement names it: the schema is absent where `search_path` decides. */
export interface NamedRelation {
  schema?: string
  name: string
}

/**
 * Every relation that a statement names: tables and views as `RangeVar`, and the names that DROP lists
 * without saying more.
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
  // Both a node of its own, `{ RangeVar: { relname } }`, and a field that can hold nothing else, `relation: { relname }`.
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
