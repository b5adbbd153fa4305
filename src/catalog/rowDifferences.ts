import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** Two tables with the same columns, and how their rows are told apart. */
export interface ComparedTables {
  table: RelationName
  other: RelationName
  columns: readonly string[]
  /** The columns that name a row. */
  id: readonly string[]
  /** The column by which rows are put into ranges, and how long a range is. */
  key: string
  every: 'day' | 'week' | 'month' | 'year'
}

/** A range in which the tables differ, and what `table` has more than `other`. */
export interface DifferingRange {
  /** Where it begins, as text; null for rows without a key. */
  from: string | null
  rows: number
}

/** A row that only one of the tables has, or has like this. */
export interface LoneRow {
  id: string
  isInTable: boolean
}

/**
 * The ranges in which two tables differ: in the count of rows, or in a sum of checksums of the rows, which does not depend
 * on their order. One statement, so both are seen at the same moment.
 */
export async function listDifferingRanges(
  db: Database,
  { table, other, columns, key, every }: ComparedTables,
): Promise<DifferingRange[]> {
  const counted = ({ schema, name }: RelationName, sign: string) => sql`
    SELECT pg_catalog.date_trunc(${sql.lit(every)}, ${sql.id(key)}) AS part,
      ${sql.raw(sign)}pg_catalog.count(*) AS rows,
      ${sql.raw(sign)}pg_catalog.sum(pg_catalog.hashtextextended(${asText(columns)}, 0)) AS checksum
    FROM ${sql.id(schema, name)} GROUP BY 1`
  const { rows } = await sql<DifferingRange>`
    SELECT part::text AS "from", pg_catalog.sum(rows)::float8 AS rows
    FROM (${counted(table, '')} UNION ALL ${counted(other, '-')}) counted
    GROUP BY part HAVING pg_catalog.sum(rows) <> 0 OR pg_catalog.sum(checksum) <> 0
    ORDER BY part`.execute(db)
  return rows
}

/** Rows of a range that only one of the tables has, compared column by column; a few of them. */
export async function listLoneRows(
  db: Database,
  { table, other, columns, id, key, every }: ComparedTables,
  from: string | null,
): Promise<LoneRow[]> {
  const of = ({ schema, name }: RelationName) => sql`
    SELECT ${asText(id)} AS id, ${asText(columns)} AS content FROM ${sql.id(schema, name)}
    WHERE ${
      from === null
        ? sql`${sql.id(key)} IS NULL`
        : sql`${sql.id(key)} >= ${sql.lit(from)} AND ${sql.id(key)} < ${sql.lit(from)}::timestamptz + ${sql.lit(`1 ${every}`)}::interval`
    }`
  const { rows } = await sql<LoneRow>`
    (SELECT id, true AS "isInTable" FROM (${of(table)} EXCEPT ALL ${of(other)}) lone ORDER BY id LIMIT 3)
    UNION ALL
    (SELECT id, false FROM (${of(other)} EXCEPT ALL ${of(table)}) lone ORDER BY id LIMIT 3)`.execute(db)
  return rows
}

function asText(columns: readonly string[]) {
  return sql`ROW(${sql.join(columns.map((column) => sql.id(column)))})::text`
}
