import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A value of the column that is NULL or not below the bound; undefined if there is none. */
export async function readBeyond(
  db: Database,
  { schema, name }: RelationName,
  column: string,
  bound: string,
): Promise<string | null | undefined> {
  const { rows } = await sql<{ value: string | null }>`
    SELECT ${sql.id(column)}::text AS value FROM ${sql.id(schema, name)}
    WHERE ${sql.id(column)} IS NULL OR ${sql.id(column)} >= ${sql.lit(bound)} LIMIT 1`.execute(db)
  return rows[0] ? rows[0].value : undefined
}

export interface KeyRange {
  first: string | null
  last: string | null
  hasNulls: boolean
}

/** The lowest and the highest value of the column as text, and whether there are rows without one. */
export async function readKeyRange(
  db: Database,
  { schema, name }: RelationName,
  column: string,
): Promise<KeyRange> {
  const { rows } = await sql<KeyRange>`
    SELECT pg_catalog.to_char(pg_catalog.min(${sql.id(column)}), 'YYYY-MM-DD') AS first,
      pg_catalog.to_char(pg_catalog.max(${sql.id(column)}), 'YYYY-MM-DD') AS last,
      EXISTS (SELECT FROM ${sql.id(schema, name)} WHERE ${sql.id(column)} IS NULL) AS "hasNulls"
    FROM ${sql.id(schema, name)}`.execute(db)
  return rows[0] ?? { first: null, last: null, hasNulls: false }
}
