import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** The function that makes the next partitions of a table, as the series of the command partition installs it. */
export interface UpkeepFunction extends RelationName {
  /** Whether the role may call it. */
  isCallable: boolean
}

const prefix = 'add_partitions_of_'

/** Every such function of this database, by name. */
export async function listUpkeepFunctions(db: Database): Promise<UpkeepFunction[]> {
  const { rows } = await sql<UpkeepFunction>`
    SELECT namespace.nspname AS schema, function.proname AS name,
      pg_catalog.has_schema_privilege(namespace.oid, 'USAGE')
        AND pg_catalog.has_function_privilege(function.oid, 'EXECUTE') AS "isCallable"
    FROM pg_catalog.pg_proc function JOIN pg_catalog.pg_namespace namespace ON namespace.oid = function.pronamespace
    WHERE pg_catalog.starts_with(function.proname, ${prefix}) AND function.prokind = 'f' AND namespace.nspname = 'private'
    ORDER BY 2`.execute(db)
  return rows
}
