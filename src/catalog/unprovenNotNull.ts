import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** The tables with a NOT NULL constraint that is NOT VALID (since PostgreSQL 18): rows that were there may hold NULL. */
export async function listUnprovenNotNull(db: Database): Promise<Set<number>> {
  const { rows } = await sql<{ oid: number }>`
    SELECT DISTINCT conrelid AS oid FROM pg_catalog.pg_constraint WHERE contype = 'n' AND NOT convalidated`.execute(
    db,
  )
  return new Set(rows.map(({ oid }) => oid))
}
