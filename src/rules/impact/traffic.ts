import { listForeignKeys } from '../../catalog/foreignKeys.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { readStatements } from '../../catalog/statements.ts'
import { findStatisticsAge } from '../../catalog/statisticsAge.ts'
import { readServerFacts } from '../../catalog/server.ts'
import type { Table } from '../../catalog/tables.ts'
import { listTables, sumOverPartitions } from '../../catalog/tables.ts'
import { attempt } from '../../catalog/attempt.ts'

/** What the counters say of one table; of a partitioned one, the sums of its partitions. */
export interface TableTraffic {
  heapBytes: number
  totalBytes: number
  /** Sequential and through indexes. */
  rowsRead: number
  rowsReadSequentially: number
  scans: number
  inserts: number
  /** Updates that write an entry into every index. */
  updatesOfIndexes: number
  deletes: number
  indexes: number
}

/** What the counters say of a database, for weighing findings. */
export interface Traffic {
  /** Since the counters of tables began, and at least one: of less time nothing is foretold. */
  hours: number
  /** The same of the counters of statements. */
  statementHours: number
  /** By `[schema, name]` as JSON. */
  tables: ReadonlyMap<string, TableTraffic>
  /** The table that each foreign key refers to, by `[schema, table, key]` as JSON. */
  referenced: ReadonlyMap<string, TableTraffic>
  /** The table of each index, by `[schema, name]` of the index as JSON. */
  tableOfIndex: ReadonlyMap<string, [schema: string, name: string]>
}

/** Where nothing could be read. */
export const noTraffic: Traffic = {
  hours: 1,
  statementHours: 1,
  tables: new Map(),
  referenced: new Map(),
  tableOfIndex: new Map(),
}

/** Reads the counters; what the rules have read already is not read again. */
export async function readTraffic({ db, read }: Snapshot): Promise<Traffic> {
  const { ageDays } = await read(findStatisticsAge)
  const hours = Math.max(1, 24 * ageDays)
  const indexes = await read(listIndexes)
  const counts = new Map<number, number>()
  for (const { tableOid } of indexes) counts.set(tableOid, (counts.get(tableOid) ?? 0) + 1)
  const tables = trafficOf(await read(listTables), counts)
  return {
    hours,
    statementHours: (await statementHours({ db, read })) ?? hours,
    tables,
    referenced: new Map(
      (await read(listForeignKeys)).flatMap(({ table, name, references }) => {
        const found = tables.get(nameKey(references.schema, references.name))
        return found ? [[JSON.stringify([table.schema, table.name, name]), found] as const] : []
      }),
    ),
    tableOfIndex: new Map(
      indexes.map(({ schema, name, table }) => [nameKey(schema, name), [table.schema, table.name]]),
    ),
  }
}

const figures: Record<keyof Omit<TableTraffic, 'indexes'>, (table: Table) => number> = {
  heapBytes: ({ heapBytes }) => heapBytes,
  totalBytes: ({ totalBytes }) => totalBytes,
  rowsRead: ({ rowsReadSequentially, rowsFetchedByIndex }) => rowsReadSequentially + rowsFetchedByIndex,
  rowsReadSequentially: ({ rowsReadSequentially }) => rowsReadSequentially,
  scans: ({ sequentialScans, indexScans }) => sequentialScans + indexScans,
  inserts: ({ inserts }) => inserts,
  updatesOfIndexes: ({ updates, hotUpdates }) => updates - hotUpdates,
  deletes: ({ deletes }) => deletes,
}

function trafficOf(tables: Table[], counts: ReadonlyMap<number, number>): Map<string, TableTraffic> {
  const names = Object.keys(figures) as (keyof typeof figures)[]
  const sums = new Map(names.map((name) => [name, sumOverPartitions(tables, figures[name])]))
  return new Map(
    tables.map((table) => {
      const values = names.map((name) => [
        name,
        table.kind === 'p' ? (sums.get(name)?.get(table.oid) ?? 0) : figures[name](table),
      ])
      const traffic = { ...Object.fromEntries(values), indexes: counts.get(table.oid) ?? 0 } as TableTraffic
      return [nameKey(table.schema, table.name), traffic]
    }),
  )
}

export function nameKey(schema: string, name: string): string {
  return JSON.stringify([schema, name])
}

/** Undefined where statements are not counted, or nobody says since when. */
async function statementHours({ db, read }: Pick<Snapshot, 'db' | 'read'>): Promise<number | undefined> {
  const statements = await attempt(db, () => read(readStatements))
  if (statements.status !== 'ok' || statements.value.countedSince === null) return undefined
  const { now } = await read(readServerFacts)
  return Math.max(1, (now.getTime() - statements.value.countedSince.getTime()) / 3_600_000)
}
