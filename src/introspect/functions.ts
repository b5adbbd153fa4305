import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

/** A function by schema, name and the argument list that `pg_get_function_identity_arguments` prints. */
export interface FunctionName {
  schema: string
  name: string
  args: string
}

/** Whether a function of that name and arguments exists. */
export async function functionIsThere(db: Database, name: FunctionName): Promise<boolean> {
  const row = await db
    .selectFrom('pg_catalog.pg_proc as function')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'function.pronamespace')
    .select('function.oid')
    .where('namespace.nspname', '=', name.schema)
    .where('function.proname', '=', name.name)
    .where(sql<string>`pg_catalog.pg_get_function_identity_arguments(function.oid)`, '=', name.args)
    .executeTakeFirst()
  return row !== undefined
}
