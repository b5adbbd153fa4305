import type { Column } from '../../catalog/columns.ts'
import { findColumnsNamed, listColumns } from '../../catalog/columns.ts'
import type { TableIndex } from '../../catalog/indexes.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import type { Read } from '../../catalog/reader.ts'
import type { Relation } from '../../catalog/relations.ts'
import { findRelationsNamed, listRelations } from '../../catalog/relations.ts'
import type { UniqueKey } from '../../catalog/uniqueKeys.ts'
import { findUniqueKeysNamed, listUniqueKeys } from '../../catalog/uniqueKeys.ts'
import { byTable } from '../../catalog/byTable.ts'
import type { Database } from '../../postgres/database.ts'

/** A relation with its columns and unique keys. */
export interface CatalogTable extends Relation {
  columns: Column[]
  /** The columns of each unique key. */
  uniqueColumns: string[][]
}

/** A relation with its indexes, for rewriting its policies. */
export interface IndexedTable extends CatalogTable {
  /** Sorted by name, without those that somebody has locked. */
  indexes: TableIndex[]
}

/** Every relation outside of the system schemas that has columns, by oid. */
export async function listCatalogTables(_: Database, read: Read): Promise<Map<number, IndexedTable>> {
  const [relations, columns] = [await read(listRelations), await read(listColumns)]
  const keys = await read(listUniqueKeys)
  const indexes = byTable(await read(listIndexes))
  const tables = relations.map((relation) => ({
    ...withParts(relation, columns, keys),
    indexes: indexes.get(relation.oid) ?? [],
  }))
  return new Map(tables.map((table) => [table.oid, table]))
}

/** The relations with one of these names, in any schema, as they are now. */
export async function findTablesNamed(db: Database, names: string[]): Promise<CatalogTable[]> {
  const [relations, columns] = [await findRelationsNamed(db, names), await findColumnsNamed(db, names)]
  const keys = await findUniqueKeysNamed(db, names)
  return relations.map((relation) => withParts(relation, columns, keys))
}

function withParts(
  relation: Relation,
  columnsOf: Map<number, Column[]>,
  keysOf: Map<number, UniqueKey[]>,
): CatalogTable {
  const columns = columnsOf.get(relation.oid) ?? []
  const nameOf = (number: number) => columns.find((column) => column.number === number)?.name ?? ''
  return {
    ...relation,
    columns,
    uniqueColumns: (keysOf.get(relation.oid) ?? []).map((key) => key.map(nameOf)),
  }
}

/** Whether a search for one value of the column can use an index: valid, not partial, and with the column first. */
export function leadsAnIndex({ indexes }: Pick<IndexedTable, 'indexes'>, column: string): boolean {
  return indexes.some(
    ({ keys: [first], isValid, predicate, accessMethod }) =>
      first?.column?.name === column &&
      isValid &&
      predicate === null &&
      (accessMethod === 'btree' || accessMethod === 'hash'),
  )
}
