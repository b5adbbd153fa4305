import { sql } from '../postgres/sql.ts'
import type { Read } from './reader.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified } from '../postgres/identifiers.ts'
import type { Bloat } from './bloat.ts'
import { findPgstattuple, hiddenFromRole, knownBloat, readBlockSize, unknownBloat } from './bloat.ts'
import { alignUp } from './heapLayout.ts'
import type { IndexUse } from './indexes.ts'
import { listIndexUse } from './indexes.ts'
import { underSavepoint } from '../postgres/savepoint.ts'
import { listTables } from './tables.ts'

interface TreeBloat extends Bloat {
  /** `low` where deduplication stores equal keys once, which the estimate cannot see. */
  confidence: 'high' | 'low'
}

/** How much of a B-tree is empty. */
export interface IndexBloat extends RelationName, TreeBloat {
  table: RelationName
  sizeBytes: number
}

const smallestIndex = 1_048_576
/** pgstatindex reads every page. */
const largestExact = 256 * 1_048_576
const readBudget = 2 * 1_024 * 1_048_576
const mostMeasured = 200
const staleShare = 0.1

/** Bloat of every B-tree of at least a megabyte, the most wasted bytes first. */
export async function listIndexBloat(db: Database, read: Read): Promise<IndexBloat[]> {
  const indexes = (await read(listIndexUse)).filter(
    ({ accessMethod, sizeBytes, isValid }) =>
      accessMethod === 'btree' && sizeBytes >= smallestIndex && isValid,
  )
  if (indexes.length === 0) return []
  const trees = await readTrees(db, indexes)
  const measured = await measure(db, indexes, trees)
  const tables = await read(listTables)
  const changes = new Map(
    tables.map(({ oid, changesSinceAnalyze, estimatedRows }) => [
      oid,
      changesSinceAnalyze / Math.max(1, estimatedRows ?? 0),
    ]),
  )
  const blockSize = await readBlockSize(db)
  return indexes
    .map(({ oid, schema, name, table, tableOid, sizeBytes }) => {
      const changed = changes.get(tableOid) ?? 0
      const bloat = measured.get(oid) ?? estimateTree(trees.get(oid), { sizeBytes, changed, blockSize })
      return { schema, name, table, sizeBytes, ...bloat }
    })
    .sort((one, other) => (other.wastedBytes ?? -1) - (one.wastedBytes ?? -1))
}

/** A B-tree's keys, as catalog and statistics have them. */
interface Tree {
  oid: number
  fillfactor: number
  entries: number
  pages: number
  analyzed: boolean
  unique: boolean
  visible: boolean
  columns: { width: number | null; nulls: number | null; distinct: number | null }[]
}

async function readTrees(db: Database, indexes: IndexUse[]): Promise<Map<number, Tree>> {
  // The statistics of a column are kept under its table, those of an expression under the index.
  const result = await sql<Tree>`
    SELECT class.oid,
      coalesce((SELECT option_value::int FROM pg_catalog.pg_options_to_table(class.reloptions)
        WHERE option_name = 'fillfactor'), 90) AS fillfactor,
      class.reltuples::float8 AS entries, class.relpages::float8 AS pages, tab.reltuples >= 0 AS analyzed,
      index.indisunique AS "unique", pg_catalog.has_table_privilege(tab.oid, 'SELECT') AS visible,
      (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
          'width', stats.avg_width, 'nulls', stats.null_frac, 'distinct', stats.n_distinct) ORDER BY key.position)
        FROM pg_catalog.unnest(index.indkey::int2[]) WITH ORDINALITY AS key(attnum, position)
        LEFT JOIN pg_catalog.pg_attribute attribute
          ON attribute.attrelid = CASE key.attnum WHEN 0 THEN class.oid ELSE tab.oid END
          AND attribute.attnum = CASE key.attnum WHEN 0 THEN key.position ELSE key.attnum END
        LEFT JOIN pg_catalog.pg_stats stats ON stats.schemaname = namespace.nspname
          AND stats.tablename = CASE key.attnum WHEN 0 THEN class.relname ELSE tab.relname END
          AND stats.attname = attribute.attname AND NOT stats.inherited) AS columns
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_index index ON index.indexrelid = class.oid
    JOIN pg_catalog.pg_class tab ON tab.oid = index.indrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE class.oid = ANY (${indexes.map(({ oid }) => oid)}::oid[])`.execute(db)
  return new Map(result.rows.map((tree) => [tree.oid, tree]))
}

async function measure(
  db: Database,
  indexes: IndexUse[],
  trees: Map<number, Tree>,
): Promise<Map<number, TreeBloat>> {
  const measured = new Map<number, TreeBloat>()
  const schema = await findPgstattuple(db, 'pgstatindex')
  if (schema === undefined) return measured
  let budget = readBudget
  for (const index of indexes.slice(0, mostMeasured)) {
    if (index.sizeBytes > largestExact) continue
    budget -= index.sizeBytes
    if (budget < 0) break
    try {
      const result = await underSavepoint(db, () =>
        sql<{ density: number; leaves: number; others: number }>`
          SELECT avg_leaf_density::float8 AS density, leaf_pages::float8 AS leaves,
            (empty_pages + deleted_pages)::float8 AS others
          FROM ${sql.id(schema, 'pgstatindex')}(${qualified(index)}::pg_catalog.regclass)`.execute(db),
      )
      const [row] = result.rows
      if (!row || row.leaves === 0) continue
      // Leaves are filled up to the fillfactor when they are built; only what is below that is bloat.
      const fillfactor = trees.get(index.oid)?.fillfactor ?? 90
      const needed = (row.leaves * Math.min(row.density, fillfactor)) / fillfactor
      const percent = 100 * (1 - needed / (row.leaves + row.others))
      const bloat = knownBloat(index.sizeBytes, percent, { kind: 'measured', how: 'pgstatindex' })
      measured.set(index.oid, { ...bloat, confidence: 'high' })
    } catch {
      // Locked, dropped meanwhile or too slow: it is estimated with the rest.
    }
  }
  return measured
}

const pageHeader = 24
const pageSpecial = 16
const itemPointer = 4
const tupleHeader = 8

/** From the planner's statistics; `changed` is the share of the table's rows that changed since the last ANALYZE. */
function estimateTree(
  tree: Tree | undefined,
  { sizeBytes, changed, blockSize }: { sizeBytes: number; changed: number; blockSize: number },
): TreeBloat {
  if (!tree) return unknown('not readable')
  const pages = sizeBytes / blockSize
  if (!tree.analyzed || tree.entries < 0) return unknown('never analyzed')
  if (changed > staleShare || Math.abs(pages - tree.pages) > staleShare * pages) {
    return unknown('statistics are stale')
  }
  let key = 0
  let hasNulls = false
  for (const { width, nulls } of tree.columns) {
    if (width === null || nulls === null) {
      return unknown(tree.visible ? 'a column has no statistics' : hiddenFromRole)
    }
    key += width * (1 - nulls)
    hasNulls ||= nulls > 0
  }
  const tuple = alignUp(tupleHeader + (hasNulls ? 8 : 0) + key, 8) + itemPointer
  const usable = ((blockSize - pageHeader - pageSpecial) * tree.fillfactor) / 100
  const leaves = Math.ceil(tree.entries / Math.max(1, Math.floor(usable / tuple)))
  // Inner pages have an entry per leaf, of about the same size; the metapage is one more.
  const needed = leaves + Math.ceil((leaves * tuple) / usable) + 1
  const percent = (100 * (pages - needed)) / pages
  const bloat = knownBloat(sizeBytes, percent, { kind: 'estimated', how: 'statistics' })
  return { ...bloat, confidence: hasRepeatedKeys(tree) ? 'low' : 'high' }
}

function unknown(why: string): TreeBloat {
  return { ...unknownBloat(why), confidence: 'low' }
}

/** Every B-tree that is not unique stores equal keys once, with a list of rows. */
function hasRepeatedKeys({ unique, columns, entries }: Tree): boolean {
  if (unique) return false
  const distinct = columns.map((column) => {
    if (column.distinct === null) return 1
    return column.distinct < 0 ? -column.distinct * entries : column.distinct
  })
  return Math.max(...distinct) < 0.9 * entries
}
