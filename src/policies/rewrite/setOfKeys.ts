import { anyOfArray, inSubselect } from '../../syntax/build.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, words } from '../../syntax/nodes.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'
import { leadsAnIndex } from '../read/tableCatalog.ts'

/** Where the keys of a row's owner, team or organisation are looked for. */
export interface KeyScope {
  table: CatalogTable
  /** Whether an index on the column is to be made before the policy changes. */
  willLead?: (column: string) => boolean
}

/**
 * The comparison of a row's side with a set of keys that is read once per statement, by the index rule: where an
 * index leads on the column, an array can be searched for in it; elsewhere a hash table answers for each row, while
 * an array would be gone through from its start.
 *
 * ```sql
 * org_id = ANY (ARRAY(SELECT private.my_orgs()))   -- with an index on org_id
 * org_id IN (SELECT private.my_orgs())             -- without
 * ```
 */
export function memberOfKeys(
  side: Node,
  keys: Node,
  { table, willLead }: KeyScope,
): { node: Node; needsIndexOn?: string } {
  const column = plainColumn(side, table)
  if (column === undefined) return { node: inSubselect(side, keys) }
  if (leadsAnIndex(table, column)) return { node: anyOfArray(side, keys) }
  return willLead?.(column)
    ? { node: anyOfArray(side, keys), needsIndexOn: column }
    : { node: inSubselect(side, keys) }
}

/** The column of the policy's table that an expression is, with or without the table's name before it. */
function plainColumn(expression: Node, table: CatalogTable): string | undefined {
  const column = as(expression, 'ColumnRef')
  if (!column) return undefined
  const [first, second, ...more] = words(column.fields)
  if (second === undefined) return first
  return first === table.name && more.length === 0 ? second : undefined
}
