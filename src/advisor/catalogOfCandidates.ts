import type { ClientBase } from 'pg'
import type { AccessMethod } from '../catalog/accessMethods.ts'
import { findAccessMethods } from '../catalog/accessMethods.ts'
import { listColumnStatistics, statisticsByColumn } from '../catalog/columnStatistics.ts'
import { readOnce } from '../catalog/reader.ts'
import { listTables } from '../catalog/tables.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, qualified } from '../postgres/identifiers.ts'
import type { CatalogOfCandidates } from './candidates.ts'

/** Less than that, and a block's least and greatest value say little. */
const inOrder = 0.95
/** Of a value without statistics, in bytes. */
const usualWidth = 32

/** Reads from the shadow what candidates hang on. */
export async function readCatalogOfCandidates(client: ClientBase): Promise<CatalogOfCandidates> {
  const db = borrow(client)
  const read = readOnce(db)
  const rowsOf = new Map((await read(listTables)).map((table) => [display(table), table.estimatedRows]))
  const statistics = statisticsByColumn(await read(listColumnStatistics))
  const of = ({ schema, name }: RelationName, key: string) =>
    statistics(schema, name, key.startsWith('"') ? key.slice(1, -1).replaceAll('""', '"') : key)
  const known = new Map<string, Promise<AccessMethod[]>>()
  return {
    isInOrder: (table, key) => Math.abs(of(table, key)?.correlation ?? 0) > inOrder,
    distinct: (table, key) => {
      const distinct = of(table, key)?.distinct
      return distinct === undefined || distinct >= 0
        ? distinct
        : -distinct * (rowsOf.get(display(table)) ?? 0)
    },
    width: (table, columns) =>
      columns.reduce((sum, column) => sum + (of(table, column)?.width ?? usualWidth), 0),
    methodsFor: (table, key, operator) => {
      const id = JSON.stringify([table, key, operator])
      const find = async (): Promise<AccessMethod[]> => {
        const { fields } = await client.query(`SELECT (${key}) FROM ${qualified(table)} LIMIT 0`)
        return findAccessMethods(db, operator, fields[0]?.dataTypeID ?? 0)
      }
      const methods = known.get(id) ?? find()
      known.set(id, methods)
      return methods
    },
  }
}
