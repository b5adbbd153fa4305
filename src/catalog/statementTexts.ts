import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** The texts of statements that pg_stat_statements has seen in this database. */
export interface StatementTexts {
  /** Most called first. */
  texts: string[]
  /** False where the extension is missing, not loaded, or shows this role only its own statements. */
  areComplete: boolean
}

/** Up to 2,000 statements of this database that write, normalised; none if they are not available. */
export async function listWritingStatements(db: Database): Promise<StatementTexts> {
  const nothing = { texts: [], areComplete: false }
  const found = await sql<{ schema: string; mayRead: boolean; isLoaded: boolean }>`
    SELECT namespace.nspname AS schema, pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS "mayRead",
      pg_catalog.current_setting('pg_stat_statements.max', true) IS NOT NULL AS "isLoaded"
    FROM pg_catalog.pg_extension extension
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = extension.extnamespace
    WHERE extension.extname = 'pg_stat_statements'
      AND pg_catalog.has_schema_privilege(namespace.oid, 'USAGE')`.execute(db)
  const [extension] = found.rows
  if (!extension?.isLoaded) return nothing
  const statements = await sql<{ query: string }>`
    SELECT query FROM ${sql.id(extension.schema, 'pg_stat_statements')}
    WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND query ~* '\\mupdate\\M'
    ORDER BY calls DESC LIMIT 2000`.execute(db)
  return { texts: statements.rows.map(({ query }) => query), areComplete: extension.mayRead }
}
