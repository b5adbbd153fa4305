import type { ClientBase } from 'pg'
import { bytesOf, listSettings } from '../catalog/settings.ts'
import type { Setting } from '../catalog/settings.ts'
import { median } from '../median.ts'
import { calmMs } from '../postgres/calmTime.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import type { FilledPartition, PartitionableTable, PartitionRange } from '../shadow/planner/partitions.ts'
import { walOfPage, withFilesOnDisk, withFullPages } from './asOnTheSource.ts'
import type { KeyedTable } from './keyUses.ts'
import { priceSettings } from './planWork.ts'

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

/** The planner's prices by the names of their settings. */
export function pricesIn(settings: ReadonlyMap<string, Setting>): Map<string, number> {
  return new Map(priceSettings.map((name) => [name, Number(settings.get(name)?.value ?? 0)]))
}

const drops = 7

/**
 * Milliseconds and bytes of dropping a partition: measured in the shadow. Its files there are as large but empty; what a
 * file system takes to give written ones back is measured on tables that are filled and on the disk. A few partitions of the shadow are gone
 * afterwards.
 *
 * @param buffers pages of the source's shared_buffers
 * @param speed how much longer this machine computes than that of the prices
 */
export async function foretellDrop(
  session: ClientBase,
  { table }: KeyedTable,
  partitions: readonly FilledPartition[],
  { buffers, speed, fullPageWrites }: { buffers: number; speed: number; fullPageWrites: boolean },
): Promise<{ ms: number; wal: number }> {
  const relations = await countRelations(session, partitions[0] && { ...table, name: partitions[0].relation })
  const ownBuffers = buffersIn(await listSettings(borrow(session)))
  const times: number[] = []
  const drop = ({ relation }: FilledPartition) => `DROP TABLE ${qualified({ ...table, name: relation })}`
  const [first, ...others] = partitions.slice(0, drops + 1)
  const before = await walPosition(session)
  if (first) await session.query(drop(first))
  const records = (await walPosition(session)) - before
  const pages: number[] = []
  await withFullPages(session, fullPageWrites, async () => {
    for (const partition of others) {
      const counted = await countFullPages(session)
      await session.query('CHECKPOINT')
      times.push(await calmMs(session, drop(partition)))
      pages.push((await countFullPages(session)) - counted)
    }
  })
  const typical = typicalRange(partitions)
  const files = typical ? [typical.blocks, ...typical.indexes.map(({ blocks }) => blocks)] : []
  return {
    ms:
      Math.min(...times) +
      (await givingBackMs(session, files)) +
      (Math.max(0, buffers - ownBuffers) * bufferPrice(relations) * speed) / 1000,
    wal: records + (fullPageWrites && pages.length > 0 ? median(pages) * walOfPage : 0),
  }
}

/** `bufmgr.c` compares the page of each buffer with so many relations one by one; more are searched for in halves. */
const mostCompared = 20

/**
 * Microseconds for each page of shared_buffers: all of them are looked through for the relations that go. Measured with 2 GB:
 * 0.0027 for 1 relation, 0.0111 for 5, 0.02 for 9, 0.034 for 17.
 */
function bufferPrice(relations: number): number {
  return 0.0006 + 0.0021 * Math.min(relations, mostCompared)
}

/** The table, its indexes, and those that keep its long values. */
async function countRelations(session: ClientBase, table: RelationName | undefined): Promise<number> {
  if (!table) return 0
  const { rows } = await session.query<{ relations: number }>(
    `SELECT pg_catalog.count(*)::int AS relations FROM pg_catalog.pg_class heap,
       LATERAL (VALUES (heap.oid), (heap.reltoastrelid)) kept (oid),
       LATERAL (SELECT kept.oid WHERE kept.oid <> 0
         UNION ALL SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = kept.oid) relation
     WHERE heap.oid = $1::pg_catalog.regclass`,
    [qualified(table)],
  )
  return rows[0]?.relations ?? 0
}

/** Pages of each set of filled tables at most: more take as much longer as they are more. */
const mostFilled = 2_048
const pageOfBytes = 7_900

/** Milliseconds that dropping files of so many pages takes longer than dropping empty ones. */
async function givingBackMs(session: ClientBase, files: readonly number[]): Promise<number> {
  const pages = files.reduce((sum, blocks) => sum + blocks, 0)
  if (pages === 0) return 0
  const part = Math.min(1, mostFilled / pages)
  const name = (kind: string, run: number, at: number): string => quote(`hundredfold_${kind}_${run}_${at}`)
  const names = (kind: string, run: number): string => files.map((_, at) => name(kind, run, at)).join(', ')
  await session.query(`CREATE SCHEMA hundredfold_filled; SET search_path = hundredfold_filled`)
  await withFilesOnDisk(session, async () => {
    for (let run = 0; run < drops; run += 1) {
      for (const [at, blocks] of files.entries()) {
        // One row a page: it is stored as it is, not compressed and not outside of the table.
        await session.query(
          `CREATE TABLE ${name('empty', run, at)} (a text);
           CREATE TABLE ${name('full', run, at)} (a text);
           ALTER TABLE ${name('full', run, at)} ALTER a SET STORAGE PLAIN;
           INSERT INTO ${name('full', run, at)} SELECT pg_catalog.repeat('x', ${pageOfBytes})
           FROM pg_catalog.generate_series(1, ${Math.max(1, Math.round(blocks * part))})`,
        )
      }
    }
    await session.query('CHECKPOINT')
  })
  const times = { empty: [] as number[], full: [] as number[] }
  for (let run = 0; run < drops; run += 1) {
    for (const kind of ['empty', 'full'] as const) {
      times[kind].push(await calmMs(session, `DROP TABLE ${names(kind, run)}`))
    }
  }
  await session.query('RESET search_path; DROP SCHEMA hundredfold_filled CASCADE')
  return Math.max(0, Math.min(...times.full) - Math.min(...times.empty)) / part
}

/** Pages of shared_buffers. */
export function buffersIn(settings: ReadonlyMap<string, Setting>): number {
  const shared = settings.get('shared_buffers')
  return shared ? bytesOf(shared) / 8192 : 0
}

async function walPosition(session: ClientBase): Promise<number> {
  const { rows } = await session.query<{ bytes: number }>(
    `SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes`,
  )
  return rows[0]?.bytes ?? 0
}

/** Pages that the server has written to the WAL as a whole. Each session tells its count when it is idle. */
async function countFullPages(session: ClientBase): Promise<number> {
  const { rows: functions } = await session.query(
    `SELECT FROM pg_catalog.pg_proc WHERE proname = 'pg_stat_force_next_flush'`,
  )
  // Before PostgreSQL 15 it is told twice a second at most.
  await session.query(
    functions.length > 0 ? 'SELECT pg_catalog.pg_stat_force_next_flush()' : 'SELECT pg_catalog.pg_sleep(0.6)',
  )
  const { rows } = await session.query<{ pages: number }>(
    'SELECT wal_fpi::float8 AS pages FROM pg_catalog.pg_stat_wal',
  )
  return rows[0]?.pages ?? 0
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

/**
 * Pages of the table that hold rows of a range of keys. Rows that are written some time before or after their key's moment
 * lie on more pages than they would fill: where that time is uniform and a share w of the whole, the correlation of key and
 * place is 1 / sqrt(1 + w^2).
 */
export function pagesOfRange(
  table: PartitionableTable,
  { rows, share }: { rows: number; share: number },
): number {
  const correlation = table.key.correlation ?? 0
  const scatter = Math.sqrt(1 / correlation ** 2 - 1)
  return Math.min(rows, table.blocks, (share + scatter) * table.blocks)
}
