import type { RelationName } from '../../postgres/identifiers.ts'
import type { Node } from '../../syntax/nodes.ts'
import type { Statement } from '../../syntax/statements.ts'

/** What a migration does to the indexes of a schema, as far as schema languages can say it. */
export type IndexChange = CreatedIndex | DroppedIndex

export interface CreatedIndex {
  kind: 'created'
  name: string
  table: RelationName
  /** As the migration creates it, but without CONCURRENTLY. */
  sql: string
  /** Absent where it has expressions, a condition, operator classes, or whatever else plain indexes lack. */
  plain?: { columns: { name: string; descending: boolean }[]; method: string }
}

export interface DroppedIndex {
  kind: 'dropped'
  index: RelationName
}

interface IndexTree {
  idxname?: string
  relation?: { schemaname?: string; relname?: string }
  accessMethod?: string
  unique?: boolean
  indexParams?: { IndexElem?: Record<string, unknown> }[]
  indexIncludingParams?: unknown[]
  whereClause?: unknown
  options?: unknown[]
  nulls_not_distinct?: boolean
}

/** The indexes that statements create and drop, in order. */
export function indexChanges(statements: Statement[]): IndexChange[] {
  return statements.flatMap(({ sql, node }) => [...created(sql, node), ...dropped(node)])
}

function created(sql: string, node: Node): CreatedIndex[] {
  const tree = node['IndexStmt'] as IndexTree | undefined
  const { schemaname: schema, relname } = tree?.relation ?? {}
  if (!tree?.idxname || schema === undefined || relname === undefined) return []
  const plain = plainPart(tree)
  return [
    {
      kind: 'created',
      name: tree.idxname,
      table: { schema, name: relname },
      sql: sql.replace(/^(CREATE\s+(?:UNIQUE\s+)?INDEX)\s+CONCURRENTLY/i, '$1'),
      ...(plain ? { plain } : {}),
    },
  ]
}

function plainPart(tree: IndexTree): CreatedIndex['plain'] {
  const special = tree.unique ?? tree.whereClause ?? tree.indexIncludingParams ?? tree.options
  if (special !== undefined) return undefined
  const columns = (tree.indexParams ?? []).map(({ IndexElem: element = {} }) => element)
  const isPlain = columns.every(
    ({ name, collation, opclass, ordering, nulls_ordering: nulls }) =>
      typeof name === 'string' &&
      collation === undefined &&
      opclass === undefined &&
      nulls === 'SORTBY_NULLS_DEFAULT' &&
      (ordering === 'SORTBY_DEFAULT' || ordering === 'SORTBY_ASC' || ordering === 'SORTBY_DESC'),
  )
  if (!isPlain) return undefined
  return {
    method: tree.accessMethod ?? 'btree',
    columns: columns.map(({ name, ordering }) => ({
      name: name as string,
      descending: ordering === 'SORTBY_DESC',
    })),
  }
}

interface DropTree {
  removeType?: string
  objects?: { List?: { items?: { String?: { sval?: string } }[] } }[]
}

function dropped(node: Node): DroppedIndex[] {
  const { removeType, objects = [] } = (node['DropStmt'] ?? {}) as DropTree
  if (removeType !== 'OBJECT_INDEX') return []
  return objects.flatMap(({ List }): DroppedIndex[] => {
    const [schema, name] = (List?.items ?? []).map(({ String: text }) => text?.sval ?? '')
    return schema === undefined || name === undefined ? [] : [{ kind: 'dropped', index: { schema, name } }]
  })
}
