import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'

/** Two neighbouring columns of an index: some query probably filters on both. */
export interface ColumnPair {
  tableOid: number
  table: RelationName
  columns: [string, string]
  rows: number
  isVisible: boolean
}

/**
 * Pairs among the first three plain columns of each index, where no extended statistics cover both. Only on tables with
 * at least that many rows, the largest first.
 */
export async function listIndexedPairs(
  db: Database,
  { minimumRows, limit }: { minimumRows: number; limit: number },
): Promise<ColumnPair[]> {
  const result = await sql<ColumnPair>`
    SELECT class.oid AS "tableOid",
      pg_catalog.json_build_object('schema', namespace.nspname, 'name', class.relname) AS "table",
      ARRAY[one.attname::text, other.attname::text] AS columns, class.reltuples::float8 AS rows,
      pg_catalog.has_column_privilege(class.oid, one.attnum, 'SELECT')
        AND pg_catalog.has_column_privilege(class.oid, other.attnum, 'SELECT')
        AND pg_catalog.has_schema_privilege(namespace.oid, 'USAGE')
        AND NOT (class.relrowsecurity AND pg_catalog.row_security_active(class.oid)) AS "isVisible"
    FROM (
      SELECT DISTINCT index.indrelid, least(first.attnum, second.attnum) AS one,
        greatest(first.attnum, second.attnum) AS other
      FROM pg_catalog.pg_index index,
      LATERAL pg_catalog.unnest(index.indkey) WITH ORDINALITY first (attnum, place),
      LATERAL pg_catalog.unnest(index.indkey) WITH ORDINALITY second (attnum, place)
      WHERE index.indisvalid AND first.place < second.place AND second.place <= least(3, index.indnkeyatts)
        AND first.attnum > 0 AND second.attnum > 0 AND first.attnum <> second.attnum
    ) pair
    JOIN pg_catalog.pg_class class ON class.oid = pair.indrelid AND class.relkind IN ('r', 'm')
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_attribute one ON one.attrelid = class.oid AND one.attnum = pair.one
    JOIN pg_catalog.pg_attribute other ON other.attrelid = class.oid AND other.attnum = pair.other
    WHERE class.reltuples >= ${minimumRows}
      AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_statistic_ext statistics
        WHERE statistics.stxrelid = class.oid
          AND pair.one = ANY (statistics.stxkeys::int2[]) AND pair.other = ANY (statistics.stxkeys::int2[]))
    ORDER BY class.reltuples DESC, 2::text, 3
    LIMIT ${limit}`.execute(db)
  return result.rows
}

/** What a sample of the rows says about two columns. */
export interface PairSample {
  rows: number
  /** Distinct values of the first column, of the second, and of both together. */
  distinctFirst: number
  distinctSecond: number
  distinctPairs: number
  /** Share of the rows, 0 to 1, whose value of one column determines the other; in the better direction. */
  dependency: number
}

/**
 * Reads a sample of at most that many pages and measures how far one column determines the other. Rows of one page were
 * written at about the same time, so pages are taken from all over the table.
 */
export async function samplePair(
  db: Database,
  { table, columns, pages }: { table: RelationName; columns: [string, string]; pages: number },
): Promise<PairSample> {
  const [first, second] = columns.map((column) => sql.raw(quote(column)))
  const result = await sql<PairSample>`
    WITH sample AS MATERIALIZED (
      SELECT ${first} AS a, ${second} AS b
      FROM ${sql.raw(qualified(table))} TABLESAMPLE SYSTEM (least(100, 100.0 * ${pages} / greatest(1,
        pg_catalog.pg_relation_size(${qualified(table)}::pg_catalog.regclass)
          / pg_catalog.current_setting('block_size')::int)))
      WHERE ${first} IS NOT NULL AND ${second} IS NOT NULL
      LIMIT 30000
    ), pairs AS MATERIALIZED (SELECT a, b, count(*) AS n FROM sample GROUP BY a, b)
    SELECT (SELECT count(*) FROM sample)::float8 AS rows, (SELECT count(*) FROM pairs)::float8 AS "distinctPairs",
      by_a.groups::float8 AS "distinctFirst", by_b.groups::float8 AS "distinctSecond",
      coalesce(greatest(by_a.decided / by_a.total, by_b.decided / by_b.total), 0)::float8 AS dependency
    FROM (SELECT count(*) AS groups, sum(n) FILTER (WHERE partners = 1) AS decided, sum(n) AS total
          FROM (SELECT sum(n) AS n, count(*) AS partners FROM pairs GROUP BY a) g) by_a,
         (SELECT count(*) AS groups, sum(n) FILTER (WHERE partners = 1) AS decided, sum(n) AS total
          FROM (SELECT sum(n) AS n, count(*) AS partners FROM pairs GROUP BY b) g) by_b`.execute(db)
  const [row] = result.rows
  if (!row) throw new Error('the sample returned no row')
  return row
}
