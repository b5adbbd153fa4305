import type { SelectStmt } from '../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../syntax/nodes.ts'
import type { Column } from '../../catalog/columns.ts'
import type { CatalogTable } from './tableCatalog.ts'

/** Why a function or a sub-select cannot be turned into a set of keys. */
export class Unclear extends Error {}

/** Those columns of the query's relations that the query names. */
export function columnsIn(query: SelectStmt, tables: CatalogTable[]): Column[] {
  const named = new Set(
    nodesIn({ SelectStmt: query }).flatMap((node) => {
      const column = as(node, 'ColumnRef')
      return column ? words(column.fields).slice(-1) : []
    }),
  )
  return relationsIn(query, tables).flatMap(({ columns }) => columns.filter(({ name }) => named.has(name)))
}

/** The tables that the query reads. A name without a schema stands for every table of that name. */
export function relationsIn(query: SelectStmt, tables: CatalogTable[]): CatalogTable[] {
  return nodesIn({ SelectStmt: query }).flatMap((node) => {
    const relation = as(node, 'RangeVar')
    if (!relation) return []
    const { schemaname, relname } = relation
    return tables.filter(({ schema, name }) => name === relname && schema === (schemaname ?? schema))
  })
}
