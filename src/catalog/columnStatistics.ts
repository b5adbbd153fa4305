import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** What ANALYZE found in one column of the table's own rows, without those of tables that inherit from it. */
export interface ColumnStatistics {
  schema: string
  table: string
  column: string
  /** Share of the rows in which it is NULL, 0 to 1. */
  nullFraction: number
  /** -1 to 1, how well the order of the rows on disk follows the column; null where that is undefined. */
  correlation: number | null
  /** How many different values it has; a share of the rows where negative, as ANALYZE leaves it. */
  distinct: number
  /** Bytes of a value on average. */
  width: number
}

/**
 * The statistics of all columns that the current role may see, of tables outside the system's schemas.
 *
 * Read separately and joined here: `pg_stats` is a security-barrier view that the planner estimates as nearly empty. A
 * join by name would read it once per column.
 */
export async function listColumnStatistics(db: Database): Promise<ColumnStatistics[]> {
  const result = await sql<ColumnStatistics>`
    SELECT schemaname::text AS schema, tablename::text AS "table", attname::text AS "column",
      null_frac AS "nullFraction", correlation, n_distinct AS distinct, avg_width AS width
    FROM pg_catalog.pg_stats
    WHERE NOT inherited AND schemaname !~ '^pg_' AND schemaname <> 'information_schema'`.execute(db)
  return result.rows
}

/** Finds the statistics of a column by its name; undefined where it was never analyzed or is hidden. */
export function statisticsByColumn(
  statistics: ColumnStatistics[],
): (schema: string, table: string, column: string) => ColumnStatistics | undefined {
  // A name may hold any character except NUL.
  const keyOf = (...names: string[]): string => names.join('\0')
  const byName = new Map(statistics.map((each) => [keyOf(each.schema, each.table, each.column), each]))
  return (schema, table, column) => byName.get(keyOf(schema, table, column))
}

/** For each of the columns, whether its statistics are hidden from the current role, as `pg_stats` decides it. */
export async function findHiddenColumns(
  db: Database,
  columns: { tableOid: number; number: number }[],
): Promise<boolean[]> {
  if (columns.length === 0) return []
  const { rows } = await sql<{ isHidden: boolean }>`
    SELECT NOT coalesce(pg_catalog.has_column_privilege(class.oid, wanted.number, 'SELECT')
      AND NOT (class.relrowsecurity AND pg_catalog.row_security_active(class.oid)), false) AS "isHidden"
    -- PostgreSQL takes several arrays only where the name is not qualified.
    FROM unnest(${columns.map(({ tableOid }) => tableOid)}::oid[],
      ${columns.map(({ number }) => number)}::int2[]) WITH ORDINALITY AS wanted (oid, number, place)
    LEFT JOIN pg_catalog.pg_class class ON class.oid = wanted.oid
    ORDER BY wanted.place`.execute(db)
  return rows.map(({ isHidden }) => isHidden)
}

/**
 * Two values of the column, from its statistics: the most common one, and one between the least and the greatest.
 * Undefined if there are no statistics, or if they are hidden.
 */
export async function findSampleValues(
  db: Database,
  { schema, name }: RelationName,
  column: string,
): Promise<{ mostCommon: string | null; between: string | null } | undefined> {
  const { rows } = await sql<{ mostCommon: string | null; between: string | null }>`
    SELECT (most_common_vals::pg_catalog.text::pg_catalog.text[])[1] AS "mostCommon",
      (histogram_bounds::pg_catalog.text::pg_catalog.text[])[2] AS between
    FROM pg_catalog.pg_stats
    WHERE schemaname = ${schema} AND tablename = ${name} AND attname = ${column}`.execute(db)
  return rows[0]
}
