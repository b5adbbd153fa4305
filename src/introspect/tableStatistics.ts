import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { lockedRelations } from './lockedRelations.ts'

/** A table's size and what was done with it since the counters were reset. */
export interface TableStatistics {
  oid: number
  schema: string
  name: string
  /** The planner's estimate; null where the table was never analyzed. */
  rows: number | null
  heapBytes: number
  indexBytes: number
  /** Heap, indexes and TOAST. */
  totalBytes: number
  /** Somebody holds the table locked, so that its size could not be asked and is the planner's. */
  sizeIsEstimated: boolean
  seqScans: number
  seqRowsRead: number
  indexScans: number
  indexRowsFetched: number
  inserted: number
  updated: number
  hotUpdated: number
  deleted: number
  liveRows: number
  deadRows: number
  modifiedSinceAnalyze: number
  lastVacuum: Date | null
  lastAnalyze: Date | null
  /** Blocks of heap, TOAST and indexes found in shared_buffers, and read from outside it. */
  blocksHit: number
  blocksRead: number
}

/**
 * All tables and materialized views outside the system's schemas. A size is only asked of a relation that nobody
 * has locked or waits to lock exclusively: asking would wait too.
 */
export async function listTableStatistics(db: Database): Promise<TableStatistics[]> {
  const result = await sql<TableStatistics>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locks),
    -- Indexes and TOAST tables may be locked where their table is not.
    unreachable AS MATERIALIZED (
      SELECT oid FROM locked
      UNION SELECT index.indrelid FROM locked JOIN pg_catalog.pg_index index ON index.indexrelid = locked.oid
      UNION SELECT class.oid FROM locked JOIN pg_catalog.pg_class class
        ON class.reltoastrelid = locked.oid AND class.reltoastrelid <> 0
    ),
    block AS (SELECT pg_catalog.current_setting('block_size')::float8 AS size),
    tables AS (
      SELECT class.oid, class.relname, class.relnamespace, class.reltuples, class.relpages,
        class.oid IN (SELECT oid FROM unreachable) AS unreachable
      FROM pg_catalog.pg_class class
      WHERE class.relkind IN ('r', 'm') AND class.relpersistence <> 't'
    )
    SELECT class.oid, namespace.nspname::text AS schema, class.relname::text AS name,
      CASE WHEN class.reltuples >= 0 THEN class.reltuples::float8 END AS rows,
      CASE WHEN class.unreachable THEN class.relpages * block.size
        ELSE coalesce(pg_catalog.pg_relation_size(class.oid), 0)::float8 END AS "heapBytes",
      CASE WHEN class.unreachable THEN 0
        ELSE coalesce(pg_catalog.pg_indexes_size(class.oid), 0)::float8 END AS "indexBytes",
      CASE WHEN class.unreachable THEN class.relpages * block.size
        ELSE coalesce(pg_catalog.pg_total_relation_size(class.oid), 0)::float8 END AS "totalBytes",
      class.unreachable AS "sizeIsEstimated",
      coalesce(stat.seq_scan, 0)::float8 AS "seqScans", coalesce(stat.seq_tup_read, 0)::float8 AS "seqRowsRead",
      coalesce(stat.idx_scan, 0)::float8 AS "indexScans",
      coalesce(stat.idx_tup_fetch, 0)::float8 AS "indexRowsFetched",
      coalesce(stat.n_tup_ins, 0)::float8 AS inserted, coalesce(stat.n_tup_upd, 0)::float8 AS updated,
      coalesce(stat.n_tup_hot_upd, 0)::float8 AS "hotUpdated", coalesce(stat.n_tup_del, 0)::float8 AS deleted,
      coalesce(stat.n_live_tup, 0)::float8 AS "liveRows", coalesce(stat.n_dead_tup, 0)::float8 AS "deadRows",
      coalesce(stat.n_mod_since_analyze, 0)::float8 AS "modifiedSinceAnalyze",
      greatest(stat.last_vacuum, stat.last_autovacuum) AS "lastVacuum",
      greatest(stat.last_analyze, stat.last_autoanalyze) AS "lastAnalyze",
      (coalesce(io.heap_blks_hit, 0) + coalesce(io.idx_blks_hit, 0)
        + coalesce(io.toast_blks_hit, 0) + coalesce(io.tidx_blks_hit, 0))::float8 AS "blocksHit",
      (coalesce(io.heap_blks_read, 0) + coalesce(io.idx_blks_read, 0)
        + coalesce(io.toast_blks_read, 0) + coalesce(io.tidx_blks_read, 0))::float8 AS "blocksRead"
    FROM tables class
    CROSS JOIN block
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    LEFT JOIN pg_catalog.pg_stat_user_tables stat ON stat.relid = class.oid
    LEFT JOIN pg_catalog.pg_statio_user_tables io ON io.relid = class.oid
    WHERE namespace.nspname <> 'information_schema' AND namespace.nspname !~ '^pg_'
    ORDER BY "totalBytes" DESC, 2, 3`.execute(db)
  return result.rows
}
