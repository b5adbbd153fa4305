import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { listIndexSizes } from './indexSizes.ts'
import { lockedRelations } from './lockedRelations.ts'
import type { Read } from './reader.ts'

/** A table or materialized view with its size and what the cumulative statistics know of its use. */
export interface Table {
  oid: number
  schema: string
  name: string
  /** As pg_class has it: `r`, `p` (partitioned) or `m`. */
  kind: string
  isPartition: boolean
  /** Oid of the partitioned table that it is a part of. */
  partitionOf: number | null
  isExtensionOwned: boolean
  hasChildren: boolean
  hasPrimaryKey: boolean
  /** As pg_class has it: `d` default, `n` nothing, `f` full, `i` an index. */
  replicaIdentity: string
  /** What `ALTER TABLE ... SET (...)` set, as `name=value`. */
  options: string[]
  /** The planner's count; null where the table was never analyzed. */
  estimatedRows: number | null
  /** The cumulative statistics' count. */
  liveRows: number
  deadRows: number
  /** Without indexes and TOAST. */
  heapBytes: number
  /** The sum of its indexes, each as it is reported by itself. */
  indexBytes: number
  /** Heap, indexes and TOAST. */
  totalBytes: number
  /** Another session locks the table, its TOAST or one of its indexes: the size is that of the last VACUUM or ANALYZE. */
  sizeIsEstimated: boolean
  sequentialScans: number
  rowsReadSequentially: number
  indexScans: number
  rowsFetchedByIndex: number
  inserts: number
  updates: number
  hotUpdates: number
  /** Updates whose new version went to another page, for lack of room; null before PostgreSQL 16, and without updates. */
  newPageUpdates: number | null
  deletes: number
  changesSinceAnalyze: number
  lastVacuumed: Date | null
  lastAnalyzed: Date | null
  /** Blocks of heap, TOAST and indexes found in shared_buffers, and read from outside it. */
  blocksHit: number
  blocksRead: number
}

/** A row of the query; the size of the indexes is added afterwards. */
interface TableRow extends Omit<Table, 'indexBytes' | 'totalBytes'> {
  /** Without indexes. */
  storedBytes: number
}

/**
 * Every table, partitioned table and materialized view that is not PostgreSQL's own, by schema and name. The size of a
 * relation is not asked if a session locks it exclusively or waits to: asking would wait too. Each size is asked once,
 * since PostgreSQL opens the relation and looks at its files for it.
 */
export async function listTables(db: Database, read: Read): Promise<Table[]> {
  const { rows } = await sql<TableRow>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locks),
    -- TOAST tables may be locked where their table is not.
    unreachable AS MATERIALIZED (
      SELECT oid FROM locked
      UNION SELECT class.oid FROM locked JOIN pg_catalog.pg_class class
        ON class.reltoastrelid = locked.oid AND class.reltoastrelid <> 0
    ),
    tables AS MATERIALIZED (
      SELECT class.*, namespace.nspname, class.oid IN (SELECT oid FROM unreachable) AS unreachable,
        class.relpages * pg_catalog.current_setting('block_size')::float8 AS known_bytes
      FROM pg_catalog.pg_class class
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      WHERE class.relkind IN ('r', 'p', 'm') AND class.relpersistence <> 't'
        AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
    ),
    sizes AS MATERIALIZED (
      SELECT oid, coalesce(pg_catalog.pg_relation_size(oid), 0)::float8 AS heap,
        coalesce(pg_catalog.pg_table_size(oid), 0)::float8 AS stored
      FROM tables WHERE relkind <> 'p' AND NOT unreachable
    )
    SELECT class.oid, class.nspname AS schema, class.relname AS name, class.relkind AS kind,
      class.relispartition AS "isPartition", parent.inhparent AS "partitionOf",
      owned.objid IS NOT NULL AS "isExtensionOwned",
      children.inhparent IS NOT NULL AS "hasChildren",
      keys.indrelid IS NOT NULL AS "hasPrimaryKey", class.relreplident AS "replicaIdentity",
      coalesce(class.reloptions, '{}') AS options,
      CASE WHEN class.reltuples >= 0 THEN class.reltuples::float8 END AS "estimatedRows",
      coalesce(stat.n_live_tup, 0)::float8 AS "liveRows", coalesce(stat.n_dead_tup, 0)::float8 AS "deadRows",
      coalesce(sizes.heap, class.known_bytes) AS "heapBytes",
      coalesce(sizes.stored, class.known_bytes) AS "storedBytes",
      class.unreachable AS "sizeIsEstimated",
      coalesce(stat.seq_scan, 0)::float8 AS "sequentialScans",
      coalesce(stat.seq_tup_read, 0)::float8 AS "rowsReadSequentially",
      coalesce(stat.idx_scan, 0)::float8 AS "indexScans",
      coalesce(stat.idx_tup_fetch, 0)::float8 AS "rowsFetchedByIndex",
      coalesce(stat.n_tup_ins, 0)::float8 AS inserts, coalesce(stat.n_tup_upd, 0)::float8 AS updates,
      coalesce(stat.n_tup_hot_upd, 0)::float8 AS "hotUpdates",
      (CASE WHEN stat.n_tup_upd > 0 THEN pg_catalog.to_jsonb(stat) ->> 'n_tup_newpage_upd' END)::float8
        AS "newPageUpdates",
      coalesce(stat.n_tup_del, 0)::float8 AS deletes,
      coalesce(stat.n_mod_since_analyze, 0)::float8 AS "changesSinceAnalyze",
      greatest(stat.last_vacuum, stat.last_autovacuum) AS "lastVacuumed",
      greatest(stat.last_analyze, stat.last_autoanalyze) AS "lastAnalyzed",
      (coalesce(io.heap_blks_hit, 0) + coalesce(io.idx_blks_hit, 0)
        + coalesce(io.toast_blks_hit, 0) + coalesce(io.tidx_blks_hit, 0))::float8 AS "blocksHit",
      (coalesce(io.heap_blks_read, 0) + coalesce(io.idx_blks_read, 0)
        + coalesce(io.toast_blks_read, 0) + coalesce(io.tidx_blks_read, 0))::float8 AS "blocksRead"
    FROM tables class
    LEFT JOIN sizes ON sizes.oid = class.oid
    LEFT JOIN pg_catalog.pg_stat_all_tables stat ON stat.relid = class.oid
    LEFT JOIN pg_catalog.pg_statio_user_tables io ON io.relid = class.oid
    LEFT JOIN (
      SELECT DISTINCT objid FROM pg_catalog.pg_depend
      WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND deptype = 'e'
    ) owned ON owned.objid = class.oid
    LEFT JOIN pg_catalog.pg_inherits parent ON parent.inhrelid = class.oid AND class.relispartition
    LEFT JOIN (SELECT DISTINCT inhparent FROM pg_catalog.pg_inherits) children ON children.inhparent = class.oid
    LEFT JOIN (
      SELECT DISTINCT indrelid FROM pg_catalog.pg_index WHERE indisprimary
    ) keys ON keys.indrelid = class.oid
    ORDER BY 2, 3`.execute(db)
  const indexBytes = new Map<number, number>()
  for (const { tableOid, bytes } of await read(listIndexSizes))
    indexBytes.set(tableOid, (indexBytes.get(tableOid) ?? 0) + bytes)
  return rows.map(({ storedBytes, ...table }) => {
    const ofIndexes = indexBytes.get(table.oid) ?? 0
    return { ...table, indexBytes: ofIndexes, totalBytes: storedBytes + ofIndexes }
  })
}

/** Those that store rows of their own, the largest first. */
export async function listTablesBySize(_: Database, read: Read): Promise<Table[]> {
  return (await read(listTables))
    .filter(({ kind }) => kind !== 'p')
    .sort((one, other) => other.totalBytes - one.totalBytes)
}

/** The best known count of rows: the planner's, else the cumulative statistics'. */
export function knownRows(table: Pick<Table, 'estimatedRows' | 'liveRows'>): number {
  return table.estimatedRows ?? table.liveRows
}

/** Sums a figure over all partitions below each partitioned table, by its oid. */
export function sumOverPartitions(
  tables: Table[],
  figure: (partition: Table) => number,
): Map<number, number> {
  const byOid = new Map(tables.map((table) => [table.oid, table]))
  const sums = new Map<number, number>()
  for (const leaf of tables) {
    if (leaf.kind === 'p') continue
    for (let parent = leaf.partitionOf; parent !== null; parent = byOid.get(parent)?.partitionOf ?? null) {
      sums.set(parent, (sums.get(parent) ?? 0) + figure(leaf))
    }
  }
  return sums
}
