import {
  anyOfArray,
  arrayOf,
  arraySubselect,
  call as callOf,
  cast,
  inSubselect,
  scalarSubselect,
  selectOf,
} from '../../syntax/build.ts'
import type { Node, TypeName } from '../../syntax/nodes.ts'
import { as, words } from '../../syntax/nodes.ts'
import type { IndexedTable } from '../read/tableCatalog.ts'
import { leadsAnIndex } from '../read/tableCatalog.ts'

/** The table whose rows are compared with a set of keys, and its indexes. */
export interface KeyScope {
  table: IndexedTable
  /** Whether an index on the column will be made before the policy changes. */
  willLead?: (column: string) => boolean
}

/** Keys that are read once per statement. */
export interface Keys {
  /** The query that lists them. */
  list: Node
  /** An expression for the array of all of them. */
  array: Node
}

/** Keys that a query lists. */
export function listedKeys(select: Node): Keys {
  return { list: select, array: arraySubselect(select) }
}

/**
 * Keys that a function returns as one array. That costs two thirds of a set, which is passed row by row.
 *
 * @param type the type of a key
 */
export function returnedKeys(call: Node, type: TypeName): Keys {
  const array = scalarSubselect(call)
  return {
    // Without the sub-select the planner would also call the function, to estimate the number of keys.
    list: selectOf(callOf(['pg_catalog', 'unnest'], [array])),
    // Without the cast, = ANY ((SELECT ...)) would compare with the rows of the query.
    array: cast(array, arrayOf(type)),
  }
}

/**
 * Compares a row's side with a set of keys that is read once per statement. If an index leads on the column, the keys are
 * an array, which can be searched for in the index. Else they are a hash table, which answers at once for each row; an
 * array would be scanned from its start.
 *
 * ```sql
 * org_id = ANY ((SELECT private.my_orgs())::uuid[])       -- with an index on org_id
 * org_id IN (SELECT unnest((SELECT private.my_orgs())))   -- without
 * ```
 */
export function memberOfKeys(
  side: Node,
  { list, array }: Keys,
  { table, willLead }: Pick<KeyScope, 'willLead'> & { table: Pick<IndexedTable, 'name' | 'indexes'> },
): { node: Node; needsIndexOn?: string } {
  const column = plainColumn(side, table)
  if (column === undefined) return { node: inSubselect(side, list) }
  if (leadsAnIndex(table, column)) return { node: anyOfArray(side, array) }
  return willLead?.(column)
    ? { node: anyOfArray(side, array), needsIndexOn: column }
    : { node: inSubselect(side, list) }
}

/** The column, if the expression is a plain column of the policy's table, with or without the table's name. */
function plainColumn(expression: Node, table: { name: string }): string | undefined {
  const column = as(expression, 'ColumnRef')
  if (!column) return undefined
  const [first, second, ...more] = words(column.fields)
  if (second === undefined) return first
  return first === table.name && more.length === 0 ? second : undefined
}
