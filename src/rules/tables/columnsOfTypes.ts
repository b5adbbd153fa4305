import type { Column } from '../../catalog/columns.ts'
import { listColumns } from '../../catalog/columns.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import type { Table } from '../../catalog/tables.ts'
import { listTables } from '../../catalog/tables.ts'

/** A table and those of its columns that a rule is about. */
export interface TableColumns {
  table: Table
  columns: [Column, ...Column[]]
}

/**
 * The columns of these types, by table, of the team's own tables. Left out are partitions and columns that a table inherits,
 * which change with the table above; and domains, which are a choice of the team's own.
 *
 * @param isOfType asked with the type as `format_type` prints it: `timestamp(3) without time zone`
 */
export async function columnsOfTypes(
  context: Snapshot,
  isOfType: (type: string) => boolean,
): Promise<TableColumns[]> {
  const wanted = await wantedSchemas(context)
  const columnsOf = await context.read(listColumns)
  return (await context.read(listTables)).flatMap((table) => {
    if (!wanted(table.schema) || table.kind === 'm' || table.isPartition || table.isExtensionOwned) return []
    const [first, ...others] = (columnsOf.get(table.oid) ?? []).filter(
      ({ type, isInherited, isDomain }) => isOfType(type) && !isInherited && !isDomain,
    )
    return first ? [{ table, columns: [first, ...others] }] : []
  })
}
