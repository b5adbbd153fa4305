import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { lockedRelations } from './lockedRelations.ts'

/** A table or materialized view with its size and what the cumulative statistics know of its use. */
export interface TableActivity {
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
  /** Without indexes and TOAST; of a table that another session locks, as of its last VACUUM or ANALYZE. */
  sizeBytes: number
  /** Without indexes, with TOAST. */
  storedBytes: number
  sequentialScans: number
  rowsReadSequentially: number
  indexScans: number
  inserts: number
  updates: number
  hotUpdates: number
  /** Updates whose new version went to another page, for lack of room; null before PostgreSQL 16. */
  newPageUpdates: number | null
  deletes: number
  changesSinceAnalyze: number
  lastAnalyzed: Date | null
}

/** Every table, partitioned table and materialized view that is not PostgreSQL's own, in one query. */
export async function listTableActivity(db: Database): Promise<TableActivity[]> {
  const result = await sql<TableActivity>`
    SELECT class.oid, namespace.nspname AS schema, class.relname AS name, class.relkind AS kind,
      class.relispartition AS "isPartition", parent.inhparent AS "partitionOf",
      owned.objid IS NOT NULL AS "isExtensionOwned",
      children.inhparent IS NOT NULL AS "hasChildren",
      keys.indrelid IS NOT NULL AS "hasPrimaryKey", class.relreplident AS "replicaIdentity",
      coalesce(class.reloptions, '{}') AS options,
      CASE WHEN class.reltuples >= 0 THEN class.reltuples::float8 END AS "estimatedRows",
      coalesce(stat.n_live_tup, 0)::float8 AS "liveRows", coalesce(stat.n_dead_tup, 0)::float8 AS "deadRows",
      CASE WHEN locked.oid IS NULL THEN coalesce(pg_catalog.pg_relation_size(class.oid), 0)
        ELSE class.relpages::bigint * pg_catalog.current_setting('block_size')::int END::float8 AS "sizeBytes",
      CASE WHEN locked.oid IS NULL THEN coalesce(pg_catalog.pg_table_size(class.oid), 0)
        ELSE class.relpages::bigint * pg_catalog.current_setting('block_size')::int END::float8 AS "storedBytes",
      coalesce(stat.seq_scan, 0)::float8 AS "sequentialScans",
      coalesce(stat.seq_tup_read, 0)::float8 AS "rowsReadSequentially",
      coalesce(stat.idx_scan, 0)::float8 AS "indexScans",
      coalesce(stat.n_tup_ins, 0)::float8 AS inserts, coalesce(stat.n_tup_upd, 0)::float8 AS updates,
      coalesce(stat.n_tup_hot_upd, 0)::float8 AS "hotUpdates",
      (pg_catalog.to_jsonb(stat) ->> 'n_tup_newpage_upd')::float8 AS "newPageUpdates",
      coalesce(stat.n_tup_del, 0)::float8 AS deletes,
      coalesce(stat.n_mod_since_analyze, 0)::float8 AS "changesSinceAnalyze",
      greatest(stat.last_analyze, stat.last_autoanalyze) AS "lastAnalyzed"
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    LEFT JOIN pg_catalog.pg_stat_all_tables stat ON stat.relid = class.oid
    LEFT JOIN (
      SELECT DISTINCT objid FROM pg_catalog.pg_depend
      WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND deptype = 'e'
    ) owned ON owned.objid = class.oid
    LEFT JOIN pg_catalog.pg_inherits parent ON parent.inhrelid = class.oid AND class.relispartition
    LEFT JOIN (SELECT DISTINCT inhparent FROM pg_catalog.pg_inherits) children ON children.inhparent = class.oid
    LEFT JOIN ${lockedRelations} locked ON locked.oid = class.oid
    LEFT JOIN (
      SELECT DISTINCT indrelid FROM pg_catalog.pg_index WHERE indisprimary
    ) keys ON keys.indrelid = class.oid
    WHERE class.relkind IN ('r', 'p', 'm') AND class.relpersistence <> 't'
      AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
    ORDER BY 2, 3`.execute(db)
  return result.rows
}

/** The best known count of rows: the planner's, else the cumulative statistics'. */
export function knownRows(table: Pick<TableActivity, 'estimatedRows' | 'liveRows'>): number {
  return table.estimatedRows ?? table.liveRows
}

/** Sums a figure over all partitions below each partitioned table, by its oid. */
export function sumOverPartitions(
  tables: TableActivity[],
  figure: (partition: TableActivity) => number,
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
