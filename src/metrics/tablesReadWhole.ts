import type { Table } from '../catalog/tables.ts'
import { knownRows, listTables } from '../catalog/tables.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import { wantedSchemas } from '../catalog/scope.ts'

/** A table that fits a few hundred pages is read as fast as an index on it. */
const largeTable = { rows: 10_000, bytes: 1024 * 1024 }
const manyScans = 50
/** Rows read by sequential scans since the statistics were reset: with fewer, nobody waits for them. */
const manyRows = 1_000_000

/** What `listTablesReadWhole` counts, for people. */
export const readWholeMeans =
  `of at least ${largeTable.rows.toLocaleString('en-US')} rows and 1 MB, with ${manyScans} sequential scans or more ` +
  `that read ${manyRows.toLocaleString('en-US')} rows or more; small tables are best read whole`

/** Large tables that are read from end to end again and again, without those that have far more lookups. */
export async function listTablesReadWhole(context: Snapshot): Promise<Table[]> {
  const wanted = await wantedSchemas(context)
  return (await context.read(listTables)).filter(
    (table) =>
      wanted(table.schema) &&
      table.kind !== 'p' &&
      !table.isExtensionOwned &&
      knownRows(table) >= largeTable.rows &&
      table.heapBytes >= largeTable.bytes &&
      table.sequentialScans >= manyScans &&
      table.rowsReadSequentially >= manyRows &&
      // A few full reads among a million lookups are reports.
      table.sequentialScans > (table.sequentialScans + table.indexScans) / 100,
  )
}
