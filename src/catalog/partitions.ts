import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/**
 * How the rows of a table are put into partitions: by intervals of time, one for each value of the key, or spread evenly
 * over so many.
 */
export type Split =
  { every: 'day' | 'week' | 'month' | 'year' } | { by: 'list' } | { by: 'hash'; modulus: number }

export type PartitionStrategy = 'range' | 'list' | 'hash'

export function strategyOf(split: Split): PartitionStrategy {
  return 'every' in split ? 'range' : split.by
}

export interface PartitionKey {
  strategy: PartitionStrategy
  columns: string[]
}

/** By what a table is partitioned; undefined if it is not. */
export async function findPartitionKey(
  db: Database,
  { schema, name }: RelationName,
): Promise<PartitionKey | undefined> {
  const { rows } = await sql<PartitionKey>`
    SELECT CASE partitioned.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' ELSE 'hash' END AS strategy,
      ARRAY(SELECT coalesce(attribute.attname::text, '')
            FROM pg_catalog.unnest(partitioned.partattrs::int2[]) WITH ORDINALITY part (attnum, place)
            LEFT JOIN pg_catalog.pg_attribute attribute
              ON attribute.attrelid = partitioned.partrelid AND attribute.attnum = part.attnum
            ORDER BY part.place) AS columns
    FROM pg_catalog.pg_partitioned_table partitioned
    JOIN pg_catalog.pg_class class ON class.oid = partitioned.partrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = ${schema} AND class.relname = ${name}`.execute(db)
  return rows[0]
}

/** A partitioned table that is no partition itself. */
export interface PartitionedTable extends RelationName {
  /** Whether the role may ANALYZE it. */
  isOwned: boolean
  /** When somebody last gathered statistics of the whole; null for never, or where the server does not keep it. */
  lastAnalyzed: Date | null
}

/** Every such table outside of PostgreSQL's own schemas and extensions. Autovacuum never analyzes them. */
export async function listPartitionedTables(db: Database): Promise<PartitionedTable[]> {
  const { rows } = await sql<PartitionedTable>`
    SELECT namespace.nspname AS schema, class.relname AS name,
      pg_catalog.pg_has_role(class.relowner, 'USAGE') AS "isOwned",
      pg_catalog.pg_stat_get_last_analyze_time(class.oid) AS "lastAnalyzed"
    FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind = 'p' AND NOT class.relispartition
      AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend
        WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objid = class.oid AND deptype = 'e')
    ORDER BY 1, 2`.execute(db)
  return rows
}
