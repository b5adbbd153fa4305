import { claimIndexName, createIndex } from '../../operations/createIndex.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import type { ForeignKey } from '../../catalog/foreignKeys.ts'
import { listForeignKeys } from '../../catalog/foreignKeys.ts'
import { listLockedTables } from '../../catalog/lockedRelations.ts'
import { listRelationNames, namesBySchema } from '../../catalog/relationNames.ts'
import type { Table } from '../../catalog/tables.ts'
import { knownRows, listTables, sumOverPartitions } from '../../catalog/tables.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import type { SharedIndex } from './foreignKeyIndexes.ts'
import { fewestIndexes, servesForeignKey } from './foreignKeyIndexes.ts'
import { byTable } from '../../catalog/byTable.ts'
import { estimated, measured, migration, runbook } from '../remedies.ts'
import type { Violation, Remedy, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessLocked } from '../unlessLocked.ts'

/**
 * A table of up to 16 pages is read from end to end in less than 0.1 ms, and up to 5 pages PostgreSQL would not even
 * use an index. At ten times that size each deleted parent row takes 0.7 ms, against 0.02 ms through an index.
 */
export const smallBytes = 128 * 1024

/**
 * Foreign keys whose own columns no index leads on. PostgreSQL demands an index on the referenced side, but makes none
 * on the referencing side. Each deleted or re-keyed parent row then reads the whole child table, and so does every join
 * from the parent to its children.
 *
 * ```sql
 * DELETE FROM customers WHERE id = 7;  -- runs: SELECT 1 FROM ONLY bookings WHERE customer_id = 7 FOR KEY SHARE
 * -- before: Seq Scan on bookings, for every customer deleted
 * CREATE INDEX CONCURRENTLY bookings_customer_id_idx ON bookings (customer_id);
 * -- after: Index Scan using bookings_customer_id_idx
 * ```
 *
 * On a small table that costs next to nothing, so the finding is `info` there. The table's size decides, which
 * PostgreSQL always knows; the number of rows is unknown before ANALYZE. An empty table says nothing about a database
 * in which it has rows, such as production: it is `info` too, and listed separately.
 */
export const unindexedForeignKeys: Rule = {
  name: 'unindexed_foreign_keys',
  finds: 'foreign keys whose own columns no index leads on',
  cure: 'an index on the columns',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const keys = await context.read(listForeignKeys)
    const indexes = byTable(await context.read(listIndexes))
    const taken = namesBySchema(await context.read(listRelationNames))

    const locked = new Set((await context.read(listLockedTables)).map(({ oid }) => oid))
    const extents = extentsOf(await context.read(listTables), locked)
    const unserved = keys.filter(
      (key) =>
        wanted(key.table.schema) &&
        !key.isExtensionOwned &&
        !locked.has(key.tableOid) &&
        !indexes.get(key.tableOid)?.some((index) => servesForeignKey(index, key)),
    )
    const findings = [...byTable(unserved).values()].flatMap(fewestIndexes).flatMap((index) => {
      const remedy = cureOf(index, taken.get(index.table.schema) ?? new Set())
      return index.keys.map((key) => findingAbout(key, extents.get(key.tableOid) ?? unknownExtent, remedy))
    })
    return unlessLocked(context, findings)
  },
}

/** How much a search of the whole table reads; null where it is unknown. */
interface Extent {
  bytes: number | null
  rows: number | null
}

const unknownExtent: Extent = { bytes: null, rows: null }

/** The extent of each table, by its oid; a partitioned table's is that of its partitions. */
function extentsOf(tables: Table[], locked: ReadonlySet<number>): Map<number, Extent> {
  // The size of a partition that another session locks is not asked.
  const bytesOf = ({ oid, heapBytes }: Table): number => (locked.has(oid) ? NaN : heapBytes)
  const rowsOf = (table: Table): number =>
    table.estimatedRows === null && table.liveRows === 0 && table.heapBytes > 0 ? NaN : knownRows(table)
  const bytesBelow = sumOverPartitions(tables, bytesOf)
  const rowsBelow = sumOverPartitions(tables, rowsOf)
  return new Map(
    tables.map((table) => {
      const isPartitioned = table.kind === 'p'
      const bytes = isPartitioned ? (bytesBelow.get(table.oid) ?? 0) : bytesOf(table)
      const rows = isPartitioned ? (rowsBelow.get(table.oid) ?? 0) : rowsOf(table)
      return [table.oid, { bytes: numberOrNull(bytes), rows: numberOrNull(rows) }]
    }),
  )
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}

function findingAbout(key: ForeignKey, { bytes, rows }: Extent, remedy: Remedy): Violation {
  const columns = key.columns.map(displayIdentifier).join(', ')
  const infoBecause = whyItIsInfo(bytes)
  return {
    level: infoBecause === undefined ? 'warn' : 'info',
    subject: [key.table.schema, key.table.name, key.name],
    detail:
      `No index of ${display(key.table)} leads on (${columns}): deleting a row of ${display(key.references)} ` +
      `reads the whole table${bytes === 0 ? ', which is empty here' : ''}.`,
    evidence: [
      measured('columns', columns),
      measured('references', display(key.references)),
      estimated('rows', rows),
      measured('table size', bytes, 'bytes'),
    ],
    remedy,
    ...(infoBecause === undefined ? {} : { infoBecause }),
  }
}

function whyItIsInfo(bytes: number | null): string | undefined {
  if (bytes === null || bytes > smallBytes) return undefined
  return bytes === 0 ? 'on tables that are empty here' : `on tables of at most ${smallBytes / 1024} kB`
}

function cureOf(index: SharedIndex, taken: Set<string>): Remedy {
  const { table, columns, keys } = index
  if (index.isPartitioned) return stepsForPartitions(index, taken)
  const names = keys.map(({ name }) => displayIdentifier(name)).join(' and ')
  const references = [...new Set(keys.map((key) => display(key.references)))].join(' or ')
  const have =
    keys.length === 1 ? `key ${names} of ${display(table)} has` : `keys ${names} of ${display(table)} have`
  return migration(
    createIndex({
      table,
      on: columns,
      takenNames: taken,
      rule: 'unindexed_foreign_keys',
      why:
        `The foreign ${have} no index: each row that is deleted from ${references}, or gets another key, reads the ` +
        `whole of ${display(table)}, and so do joins from there.`,
    }),
  )
}

/** A partitioned table cannot be indexed concurrently: the index of each partition is built alone and attached. */
function stepsForPartitions({ table, columns }: SharedIndex, taken: Set<string>): Remedy {
  const name = claimIndexName(table.name, columns, taken)
  const list = columns.map(quote).join(', ')
  return runbook(
    `Index (${columns.map(displayIdentifier).join(', ')}) of the partitioned table ${display(table)}`,
    `CREATE INDEX ${quote(name)} ON ONLY ${qualified(table)} (${list}); -- instant, and invalid until every partition has its own`,
    `For each partition P: CREATE INDEX CONCURRENTLY P_idx ON P (${list});`,
    `For each partition P: ALTER INDEX ${qualified({ schema: table.schema, name })} ATTACH PARTITION P_idx;`,
    'After the last one the index is valid; new partitions get their index automatically.',
  )
}
