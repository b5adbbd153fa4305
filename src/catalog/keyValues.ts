import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A value of a column as text that every session reads alike, and how many rows have it; null for those without one. */
export interface KeyValue {
  value: string | null
  rows: number
}

/** The values of a column with their rows, at most so many. */
export async function listKeyValues(
  db: Database,
  { schema, name }: RelationName,
  column: string,
  most: number,
): Promise<KeyValue[]> {
  await readAtLength(db)
  const { rows } = await sql<KeyValue>`
    SELECT ${sql.id(column)}::text AS value, pg_catalog.count(*)::float8 AS rows
    FROM ${sql.id(schema, name)} GROUP BY ${sql.id(column)} LIMIT ${sql.lit(most)}`.execute(db)
  return rows
}

/** How many values a column has, NULL left out. */
export async function countKeyValues(
  db: Database,
  { schema, name }: RelationName,
  column: string,
): Promise<number> {
  await readAtLength(db)
  const { rows } = await sql<{ count: number }>`
    SELECT pg_catalog.count(*)::float8 AS count
    FROM (SELECT FROM ${sql.id(schema, name)} WHERE ${sql.id(column)} IS NOT NULL GROUP BY ${sql.id(column)}) value`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}

/** Some value that the column has; null if it has none. */
export async function findKeyValue(
  db: Database,
  { schema, name }: RelationName,
  column: string,
): Promise<string | null> {
  await readAtLength(db)
  const { rows } = await sql<{ value: string }>`
    SELECT ${sql.id(column)}::text AS value FROM ${sql.id(schema, name)}
    WHERE ${sql.id(column)} IS NOT NULL LIMIT 1`.execute(db)
  return rows[0]?.value ?? null
}

/** Whether a row has no value in the column. */
export async function hasNulls(
  db: Database,
  { schema, name }: RelationName,
  column: string,
): Promise<boolean> {
  await readAtLength(db)
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT FROM ${sql.id(schema, name)} WHERE ${sql.id(column)} IS NULL) AS found`.execute(db)
  return rows[0]?.found ?? false
}

/** Until the end of the transaction: text that every session reads alike, however long it takes to read the table. */
async function readAtLength(db: Database): Promise<void> {
  await sql`SELECT pg_catalog.set_config('DateStyle', 'ISO', true), pg_catalog.set_config('IntervalStyle', 'postgres', true),
    pg_catalog.set_config('extra_float_digits', '3', true), pg_catalog.set_config('bytea_output', 'hex', true),
    pg_catalog.set_config('statement_timeout', '0', true)`.execute(db)
}
