import { sql } from '../postgres/sql.ts'
import type { Read } from './reader.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified } from '../postgres/identifiers.ts'
import type { ColumnLayout } from './heapLayout.ts'
import { averageRowBytes } from './heapLayout.ts'
import { underSavepoint } from '../postgres/savepoint.ts'
import type { Table } from './tables.ts'
import { listTablesBySize } from './tables.ts'

/** How much of a heap or a B-tree is empty, and how we know. */
export interface Bloat {
  /** 0 to 100, beyond what `fillfactor` keeps free; null where it is unknown. */
  bloatPercent: number | null
  wastedBytes: number | null
  kind: 'measured' | 'estimated' | 'unknown'
  /** `pgstattuple`, `pgstattuple_approx`, `pgstatindex`, `statistics`, or why it is unknown. */
  how: string
}

/** How much of a heap holds no live row. */
export interface TableBloat extends RelationName, Bloat {
  heapBytes: number
  totalBytes: number
}

/** One megabyte; smaller heaps are not worth measuring. */
const smallestHeap = 1_048_576
/** pgstattuple reads every page: only heaps up to this size, the rest by the visibility map. */
const largestExact = 256 * 1_048_576
/** How much pgstattuple reads in one look; the other heaps are estimated. */
const readBudget = 4 * 1_024 * 1_048_576
const mostMeasured = 200
/** pg_stats shows a column only to roles that may read it. */
export const hiddenFromRole = 'this role does not see the statistics of its columns'
/** If a larger share of the rows changed since the last ANALYZE, nothing is estimated. */
const staleShare = 0.1

/**
 * Bloat of every heap of at least a megabyte, the most wasted bytes first: measured by pgstattuple where it is
 * installed and callable, else from the planner's statistics, else unknown.
 */
export async function listTableBloat(db: Database, read: Read): Promise<TableBloat[]> {
  const tables = (await read(listTablesBySize)).filter(({ heapBytes }) => heapBytes >= smallestHeap)
  if (tables.length === 0) return []
  const measured = await measure(db, tables)
  const estimated = await estimate(
    db,
    tables.filter(({ oid }) => !measured.has(oid)),
  )
  return tables
    .map(({ oid, schema, name, heapBytes, totalBytes }) => {
      const bloat = measured.get(oid) ?? estimated.get(oid) ?? unknownBloat('no statistics')
      return { schema, name, heapBytes, totalBytes, ...bloat }
    })
    .sort((one, other) => (other.wastedBytes ?? -1) - (one.wastedBytes ?? -1))
}

/** @param why it is unknown */
export function unknownBloat(why: string): Bloat {
  return { bloatPercent: null, wastedBytes: null, kind: 'unknown', how: why }
}

/** @param bytes of the whole heap or tree */
export function knownBloat(bytes: number, percent: number, how: Pick<Bloat, 'kind' | 'how'>): Bloat {
  const bloatPercent = Math.min(100, Math.max(0, percent))
  return { bloatPercent, wastedBytes: (bytes * bloatPercent) / 100, ...how }
}

/** Schema of pgstattuple where the current role may call it, else undefined. */
export async function findPgstattuple(db: Database, probe: string): Promise<string | undefined> {
  const result = await sql<{ schema: string; callable: boolean }>`
    SELECT namespace.nspname::text AS schema,
      pg_catalog.has_schema_privilege(namespace.oid, 'USAGE')
        AND coalesce(bool_and(pg_catalog.has_function_privilege(function.oid, 'EXECUTE')), false) AS callable
    FROM pg_catalog.pg_extension extension
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = extension.extnamespace
    LEFT JOIN pg_catalog.pg_proc function ON function.pronamespace = namespace.oid AND function.proname = ${probe}
    WHERE extension.extname = 'pgstattuple' GROUP BY namespace.oid, namespace.nspname`.execute(db)
  const [row] = result.rows
  return row?.callable ? row.schema : undefined
}

async function measure(db: Database, tables: Table[]): Promise<Map<number, Bloat>> {
  const measured = new Map<number, Bloat>()
  const schema = await findPgstattuple(db, 'pgstattuple')
  if (schema === undefined) return measured
  const fillfactors = await listFillfactors(db, tables)
  let budget = readBudget
  for (const table of tables.slice(0, mostMeasured)) {
    if (table.sizeIsEstimated) continue
    const isLarge = table.heapBytes > largestExact
    budget -= isLarge ? table.heapBytes / 10 : table.heapBytes
    if (budget < 0) break
    const how = isLarge ? 'pgstattuple_approx' : 'pgstattuple'
    const free = isLarge ? 'approx_free_percent' : 'free_percent'
    try {
      const result = await underSavepoint(db, () =>
        sql<{ percent: number }>`
          SELECT (${sql.id(free)} + dead_tuple_percent)::float8 AS percent
          FROM ${sql.id(schema, how)}(${qualified(table)}::pg_catalog.regclass)`.execute(db),
      )
      const reserve = 100 - (fillfactors.get(table.oid) ?? 100)
      const percent = (result.rows[0]?.percent ?? 0) - reserve
      measured.set(table.oid, knownBloat(table.heapBytes, percent, { kind: 'measured', how }))
    } catch {
      // Locked, dropped meanwhile or too slow: it is estimated with the rest.
    }
  }
  return measured
}

async function listFillfactors(db: Database, tables: Table[]): Promise<Map<number, number>> {
  const result = await sql<{ oid: number; fillfactor: number }>`
    SELECT class.oid, option.option_value::int AS fillfactor
    FROM pg_catalog.pg_class class, pg_catalog.pg_options_to_table(class.reloptions) option
    WHERE option.option_name = 'fillfactor' AND class.oid = ANY (${tables.map(({ oid }) => oid)}::oid[])`.execute(
    db,
  )
  return new Map(result.rows.map(({ oid, fillfactor }) => [oid, fillfactor]))
}

/** A heap's columns and density, as catalog and statistics have them. */
interface HeapStatistics {
  oid: number
  fillfactor: number
  analyzedPages: number
  analyzedRows: number
  /** The role may read the table, and so its statistics. */
  visible: boolean
  /** Null for a column without statistics, or if the role may not see them. */
  columns: { length: number; alignment: string; width: number | null; nulls: number | null }[]
}

async function estimate(db: Database, tables: Table[]): Promise<Map<number, Bloat>> {
  if (tables.length === 0) return new Map()
  const blockSize = await readBlockSize(db)
  const heaps = await readHeaps(db, tables)
  return new Map(
    tables.map((table) => {
      const heap = heaps.get(table.oid)
      return [table.oid, heap ? estimateHeap(table, heap, blockSize) : unknownBloat('not readable')]
    }),
  )
}

export async function readBlockSize(db: Database): Promise<number> {
  const result = await sql<{ size: number }>`
    SELECT pg_catalog.current_setting('block_size')::int AS size`.execute(db)
  return result.rows[0]?.size ?? 8192
}

const alignments: Record<string, number> = { c: 1, s: 2, i: 4, d: 8 }
const pageHeader = 24
const itemPointer = 4

function estimateHeap(table: Table, heap: HeapStatistics, blockSize: number): Bloat {
  const pages = table.heapBytes / blockSize
  const stale = whyStale(table, heap, pages)
  if (stale !== undefined) return unknownBloat(stale)
  const columns: ColumnLayout[] = []
  for (const { length, alignment, width, nulls } of heap.columns) {
    if (width === null || nulls === null) {
      return unknownBloat(heap.visible ? 'a column has no statistics' : hiddenFromRole)
    }
    columns.push({ typeLength: length, alignment: alignments[alignment] ?? 8, width, nulls })
  }
  const usable = (blockSize - pageHeader) * (heap.fillfactor / 100)
  // Rows are not split: the space left at the end of a page is not bloat.
  const perPage = Math.max(1, Math.floor(usable / (averageRowBytes(columns) + itemPointer)))
  const needed = Math.ceil(heap.analyzedRows / perPage)
  const percent = (100 * (pages - needed)) / pages
  return knownBloat(table.heapBytes, percent, { kind: 'estimated', how: 'statistics' })
}

function whyStale(table: Table, heap: HeapStatistics, pages: number): string | undefined {
  if (table.sizeIsEstimated) return 'locked by another session'
  if (heap.analyzedRows < 0) return 'never analyzed'
  if (heap.columns.every(({ width }) => width === null))
    return heap.visible ? 'never analyzed' : hiddenFromRole
  const changed = table.changesSinceAnalyze / Math.max(1, heap.analyzedRows)
  if (changed > staleShare)
    return `statistics are stale: ${Math.round(100 * changed)} % of the rows changed since`
  if (Math.abs(pages - heap.analyzedPages) > staleShare * pages)
    return 'statistics are stale: the size changed since'
  return undefined
}

async function readHeaps(db: Database, tables: Table[]): Promise<Map<number, HeapStatistics>> {
  const result = await sql<HeapStatistics>`
    SELECT class.oid, pg_catalog.has_table_privilege(class.oid, 'SELECT') AS visible,
      coalesce((SELECT option_value::int FROM pg_catalog.pg_options_to_table(class.reloptions)
        WHERE option_name = 'fillfactor'), 100) AS fillfactor,
      class.relpages::float8 AS "analyzedPages", class.reltuples::float8 AS "analyzedRows",
      (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
          'length', attribute.attlen, 'alignment', attribute.attalign,
          'width', CASE WHEN attribute.attisdropped THEN 0 ELSE stats.avg_width END,
          'nulls', CASE WHEN attribute.attisdropped THEN 1 ELSE stats.null_frac END
        ) ORDER BY attribute.attnum)
        FROM pg_catalog.pg_attribute attribute
        LEFT JOIN pg_catalog.pg_stats stats ON stats.schemaname = namespace.nspname
          AND stats.tablename = class.relname AND stats.attname = attribute.attname AND NOT stats.inherited
        WHERE attribute.attrelid = class.oid AND attribute.attnum > 0) AS columns
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE class.oid = ANY (${tables.map(({ oid }) => oid)}::oid[])`.execute(db)
  return new Map(result.rows.filter(({ columns }) => columns !== null).map((heap) => [heap.oid, heap]))
}
