import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** An index as the catalog describes it. */
export interface Index extends RelationName {
  /** As `pg_get_indexdef` prints it; names are qualified where `search_path` is empty. */
  definition: string
  /** False after a concurrent build that failed: the planner ignores it, writes still pay for it. */
  isValid: boolean
}

/** The index of that schema and name, or undefined. A table of that name is no index. */
export async function findIndex(db: Database, { schema, name }: RelationName): Promise<Index | undefined> {
  const { rows } = await sql<Index>`
    SELECT namespace.nspname AS schema, class.relname AS name,
      pg_catalog.pg_get_indexdef(class.oid) AS definition,
      index.indisvalid AS "isValid"
    FROM pg_catalog.pg_index index
    JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = ${schema} AND class.relname = ${name}`.execute(db)
  return rows[0]
}
