import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Names, without schema, of the functions that are not PostgreSQL's own. */
export async function listUserFunctionNames(db: Database): Promise<Set<string>> {
  const result = await sql<{ name: string }>`
    SELECT DISTINCT function.proname::text AS name
    FROM pg_catalog.pg_proc function
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = function.pronamespace
    WHERE namespace.nspname NOT IN ('pg_catalog', 'information_schema')`.execute(db)
  return new Set(result.rows.map(({ name }) => name))
}

/** The planner's rows by `schema.table`, and which tables have row-level security. */
export async function readPlannedTables(
  db: Database,
): Promise<{ rows: Map<string, number>; secured: Set<string> }> {
  const result = await sql<{ table: string; rows: number; secured: boolean }>`
    SELECT namespace.nspname || '.' || class.relname AS "table", greatest(class.reltuples, 0)::float8 AS rows,
      class.relrowsecurity AS secured
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'm', 'p')`.execute(db)
  return {
    rows: new Map(result.rows.map(({ table, rows }) => [table, rows])),
    secured: new Set(result.rows.filter(({ secured }) => secured).map(({ table }) => table)),
  }
}
