import type { ClientBase } from 'pg'
import { escapeLiteral } from 'pg'
import type { PlannedStatement } from '../advisor/plannedStatement.ts'
import { explainStatement } from '../advisor/plannedStatement.ts'
import { listSettings } from '../catalog/settings.ts'
import type { Setting } from '../catalog/settings.ts'
import { borrow } from '../postgres/database.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import type { FilledPartition, PartitionableTable, PartitionRange } from '../shadow/planner/partitions.ts'
import type { KeyedTable } from './keyUses.ts'
import { executionMs } from './planTime.ts'
import { countWork, priceSettings } from './planWork.ts'

/** What getting rid of an interval's rows, and tidying up after changes of them, takes on the table and on a partition. */
export interface ForetoldUpkeep {
  /** Of the interval that is dropped. */
  rows: number
  /** Milliseconds of `DELETE ... WHERE key >= a AND key < b`, and of `DROP TABLE` of the partition. */
  retention: { before: number; after: number }
  /** Bytes of WAL that the two write. */
  retentionWal: { before: number; after: number }
  /** Milliseconds of VACUUM after changes to a share of the interval's rows. */
  vacuum: { before: number; after: number; changedShare: number }
}

/** Bytes of WAL for a deleted row, aligned: a header, the place, and what the row becomes. */
const walOfDelete = 56
/** Of a page that is written whole, the first time after a checkpoint. */
const walOfPage = 7_500

/**
 * Microseconds, on the machine of the prices of `planTime.ts`. VACUUM visits the pages that changed, and the whole of
 * every index: each entry is looked up among the dead rows.
 */
const vacuumPrices = {
  statement: 6_500,
  heapPage: 3,
  deadRow: 0.6,
  indexPage: 0.8,
  indexEntry: 0.014,
}
/** `vacuumlazy.c`: with fewer pages and rows, VACUUM leaves the indexes alone. */
const leastPages = 0.02
const mostLeft = (32 * 1024 * 1024) / 6
/** Milliseconds for a megabyte of files that are given back, which lie scattered since others grew at the same time. */
const perMegabyte = 0.4

/** A range of keys with what it holds of the table. */
export interface SharedRange extends PartitionRange {
  share: number
  rows: number
}

/** The range of the middle size: neither the first, which is half empty, nor one of the future. */
export function typicalRange<Range extends SharedRange>(ranges: readonly Range[]): Range | undefined {
  const filled = ranges.filter(({ rows }) => rows > 0).sort((one, other) => one.rows - other.rows)
  return filled[Math.floor(filled.length / 2)]
}

/** Milliseconds and bytes of deleting the rows of a range from the table as it is, by its plan in the shadow. */
export async function foretellDelete(
  session: ClientBase,
  { table, key }: KeyedTable,
  range: SharedRange & { pages: number },
  { speed, fullPageWrites }: { speed: number; fullPageWrites: boolean },
): Promise<{ ms: number; wal: number }> {
  const bounds = [
    ...(range.from === null ? [] : [`${quote(key)} >= ${escapeLiteral(range.from)}`]),
    ...(range.to === null ? [] : [`${quote(key)} < ${escapeLiteral(range.to)}`]),
  ]
  const statement: PlannedStatement = {
    name: 'retention',
    line: undefined,
    calls: 1,
    types: [],
    args: [[]],
    role: undefined,
    claims: undefined,
    sql: `DELETE FROM ${qualified(table)} WHERE ${bounds.join(' AND ') || 'true'}`,
  }
  const prices = pricesIn(await listSettings(borrow(session)))
  await session.query('BEGIN')
  const counted = await countWork(
    prices,
    async (settings) => (await explainStatement(session, statement, [], 'custom', settings)).Plan,
  ).finally(() => session.query('ROLLBACK'))
  return {
    ms: (counted ? executionMs(counted) : 0) * speed,
    wal: range.rows * walOfDelete + (fullPageWrites ? range.pages * walOfPage : 0),
  }
}

/** The planner's prices by the names of their settings. */
export function pricesIn(settings: ReadonlyMap<string, Setting>): Map<string, number> {
  return new Map(priceSettings.map((name) => [name, Number(settings.get(name)?.value ?? 0)]))
}

const drops = 7

/**
 * Milliseconds and bytes of dropping a partition: measured in the shadow, whose files are as large but empty, so what it
 * takes to give them back is added. A few partitions of the shadow are gone afterwards.
 */
export async function foretellDrop(
  session: ClientBase,
  { table }: KeyedTable,
  partitions: readonly FilledPartition[],
): Promise<{ ms: number; wal: number }> {
  const times: number[] = []
  const wals: number[] = []
  for (const { relation } of partitions.slice(0, drops)) {
    const before = await walPosition(session)
    const started = performance.now()
    await session.query(`DROP TABLE ${qualified({ ...table, name: relation })}`)
    times.push(performance.now() - started)
    wals.push((await walPosition(session)) - before)
  }
  const typical = typicalRange(partitions)
  const blocks = typical ? typical.blocks + typical.indexes.reduce((sum, index) => sum + index.blocks, 0) : 0
  wals.sort((one, other) => one - other)
  return {
    // Other work of the machine only adds to a time.
    ms: Math.min(...times) + (blocks / 128) * perMegabyte,
    wal: wals[Math.floor((wals.length - 1) / 2)] ?? 0,
  }
}

async function walPosition(session: ClientBase): Promise<number> {
  const { rows } = await session.query<{ bytes: number }>(
    `SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes`,
  )
  return rows[0]?.bytes ?? 0
}

/** What VACUUM has to read. */
export interface Vacuumed {
  /** Pages with dead rows, and with the rows that took their place. */
  heapPages: number
  deadRows: number
  indexPages: number
  /** Of all indexes together. */
  indexEntries: number
  /** Dead rows are on so few pages that they stay in the indexes until there are more. */
  leavesIndexes: boolean
}

/** Milliseconds of VACUUM. */
export function vacuumMs({ heapPages, deadRows, indexPages, indexEntries }: Vacuumed, speed: number): number {
  const { statement, heapPage, deadRow, indexPage, indexEntry } = vacuumPrices
  const microseconds =
    statement + heapPages * heapPage + deadRows * deadRow + indexPages * indexPage + indexEntries * indexEntry
  return (microseconds * speed) / 1000
}

/** VACUUM of the table, and of one partition, after changes to a share of the partition's rows. */
export function foretellVacuum(
  table: PartitionableTable,
  partition: FilledPartition,
  changedShare: number,
  speed: number,
): { before: number; after: number } {
  const deadRows = partition.rows * changedShare
  const perPage = table.rows / Math.max(1, table.blocks)
  const newPages = deadRows / Math.max(1, perPage)
  const pagesOf = (indexes: readonly { blocks: number }[]): number =>
    indexes.reduce((sum, { blocks }) => sum + blocks, 0)
  const touched = Math.min(deadRows, pagesOfRange(table, partition))
  const before = vacuumMs(
    {
      leavesIndexes: touched < leastPages * table.blocks && deadRows < mostLeft,
      heapPages: touched + newPages,
      deadRows,
      indexPages: pagesOf(table.indexes),
      indexEntries: (table.rows + deadRows) * table.indexes.length,
    },
    speed,
  )
  const after = vacuumMs(
    {
      leavesIndexes: false,
      heapPages: Math.min(deadRows, partition.blocks) + newPages,
      deadRows,
      indexPages: pagesOf(partition.indexes),
      indexEntries: (partition.rows + deadRows) * partition.indexes.length,
    },
    speed,
  )
  return { before, after }
}

/** Pages of the table that hold rows of a range of keys: a few where rows lie in the order of keys, else any. */
export function pagesOfRange(
  table: PartitionableTable,
  { rows, share }: { rows: number; share: number },
): number {
  const order = (table.key.correlation ?? 0) ** 2
  return order * share * table.blocks + (1 - order) * Math.min(rows, table.blocks)
}
