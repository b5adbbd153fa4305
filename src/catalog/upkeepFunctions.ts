import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A function that keeps the partitions of a table going, as the series of the command partition installs it. */
export interface UpkeepFunction extends RelationName {
  /** `add` makes the next partitions; `drop` drops those that are older than the retention. */
  does: 'add' | 'drop'
  /** How long rows are kept, such as `6 mons`; null for `add`. */
  retention: string | null
  /** Whether the role may call it. */
  isCallable: boolean
}

/**
 * Every such function of this database, by name. A procedure that drops partitions is there only if a retention is
 * declared, which is the default of its argument.
 */
export async function listUpkeepFunctions(db: Database): Promise<UpkeepFunction[]> {
  const { rows } = await sql<UpkeepFunction>`
    SELECT namespace.nspname AS schema, function.proname AS name,
      CASE function.prokind WHEN 'f' THEN 'add' ELSE 'drop' END AS does,
      (pg_catalog.regexp_match(pg_catalog.pg_get_expr(function.proargdefaults, 0), '^''([^'']+)''::interval$'))[1]
        AS retention,
      pg_catalog.has_schema_privilege(namespace.oid, 'USAGE')
        AND pg_catalog.has_function_privilege(function.oid, 'EXECUTE') AS "isCallable"
    FROM pg_catalog.pg_proc function JOIN pg_catalog.pg_namespace namespace ON namespace.oid = function.pronamespace
    WHERE namespace.nspname = 'private' AND (
      function.prokind = 'f' AND pg_catalog.starts_with(function.proname, 'add_partitions_of_')
      OR function.prokind = 'p' AND pg_catalog.starts_with(function.proname, 'drop_partitions_of_')
        AND function.pronargs = 1 AND function.pronargdefaults = 1)
    ORDER BY 2`.execute(db)
  return rows.map((row) => (row.does === 'add' ? { ...row, retention: null } : row))
}
