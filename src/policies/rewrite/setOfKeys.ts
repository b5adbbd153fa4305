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

/** Where the keys of a row's owner, team or organisation are looked for. */
export interface KeyScope {
  table: IndexedTable
  /** Whether an index on the column is to be made before the policy changes. */
  willLead?: (column: string) => boolean
}

/** Keys that are read once per statement. */
export interface Keys {
  /** The query that lists them. */
  list: Node
  /** The expression that has all of them. */
  array: Node
}

/** Keys that a query lists. */
export function listedKeys(select: Node): Keys {
  return { list: select, array: arraySubselect(select) }
}

/**
 * Keys that a function returns as one array, which costs two thirds of what a set costs: nothing is handed over row by row.
 *
 * @param type the type of a key
 */
export function returnedKeys(call: Node, type: TypeName): Keys {
  const array = scalarSubselect(call)
  return {
    // Without a sub-select the planner would call the function too, to estimate how many keys there are.
    list: selectOf(callOf(['pg_catalog', 'unnest'], [array])),
    // Without a type, = ANY ((SELECT ...)) would compare with the rows of the query.
    array: cast(array, arrayOf(type)),
  }
}

/**
 * The comparison of a row's side with a set of keys that is read once per statement, by the index rule: where an
 * index leads on the column, an array can be searched for in it; elsewhere a hash table answers for each row, while
 * an array would be gone through from its start.
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

/** The column of the policy's table that an expression is, with or without the table's name before it. */
function plainColumn(expression: Node, table: { name: string }): string | undefined {
  const column = as(expression, 'ColumnRef')
  if (!column) return undefined
  const [first, second, ...more] = words(column.fields)
  if (second === undefined) return first
  return first === table.name && more.length === 0 ? second : undefined
}
