import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Types of `$1`, `$2` ... of a prepared statement of this session, as SQL writes them. */
export async function parameterTypesOf(db: Database, name: string): Promise<string[]> {
  const { rows } = await sql<{ types: string[] }>`
    SELECT parameter_types::text[] AS types FROM pg_catalog.pg_prepared_statements WHERE name = ${name}`.execute(
    db,
  )
  return rows[0]?.types ?? []
}
