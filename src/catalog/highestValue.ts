import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** The highest value of a column, as text; null where the table holds none. */
export async function findHighestValue(
  db: Database,
  { schema, name }: RelationName,
  column: string,
): Promise<string | null> {
  const { rows } = await sql<{ highest: string | null }>`
    SELECT max(${sql.id(column)})::text AS highest FROM ${sql.id(schema, name)}`.execute(db)
  return rows[0]?.highest ?? null
}
