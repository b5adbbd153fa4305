import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import type { Split } from './partitions.ts'

/** Two tables with the same columns, and how their rows are told apart and put into ranges. */
export type ComparedTables = Split & {
  table: RelationName
  other: RelationName
  columns: readonly string[]
  /** The columns that name a row. */
  id: readonly string[]
  /** The column by which rows are put into ranges: of time, of one value, or of a part of all values. */
  key: string
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
export async function listDifferingRanges(db: Database, compared: ComparedTables): Promise<DifferingRange[]> {
  const { table, other, columns } = compared
  const counted = ({ schema, name }: RelationName, sign: string) => sql`
    SELECT ${rangeOf(compared)} AS part,
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
  compared: ComparedTables,
  from: string | null,
): Promise<LoneRow[]> {
  const { table, other, columns, id } = compared
  const of = ({ schema, name }: RelationName) => sql`
    SELECT ${asText(id)} AS id, ${asText(columns)} AS content FROM ${sql.id(schema, name)}
    WHERE ${isInRange(compared, from)}`
  const { rows } = await sql<LoneRow>`
    (SELECT id, true AS "isInTable" FROM (${of(table)} EXCEPT ALL ${of(other)}) lone ORDER BY id LIMIT 3)
    UNION ALL
    (SELECT id, false FROM (${of(other)} EXCEPT ALL ${of(table)}) lone ORDER BY id LIMIT 3)`.execute(db)
  return rows
}

/** Values are compared as text: both tables are read by one session, and print equal values alike. */
function rangeOf({ key, ...split }: ComparedTables) {
  if ('every' in split) return sql`pg_catalog.date_trunc(${sql.lit(split.every)}, ${sql.id(key)})`
  const value = sql`${sql.id(key)}::text`
  if (split.by === 'list') return value
  return sql`pg_catalog.abs(pg_catalog.hashtextextended(${value}, 0) % ${sql.lit(split.modulus)})`
}

function isInRange(compared: ComparedTables, from: string | null) {
  const key = sql.id(compared.key)
  if (from === null) return sql`${key} IS NULL`
  return 'every' in compared
    ? sql`${key} >= ${sql.lit(from)} AND ${key} < ${sql.lit(from)}::timestamptz + ${sql.lit(`1 ${compared.every}`)}::interval`
    : sql`(${rangeOf(compared)})::text = ${sql.lit(from)}`
}

function asText(columns: readonly string[]) {
  return sql`ROW(${sql.join(columns.map((column) => sql.id(column)))})::text`
}
