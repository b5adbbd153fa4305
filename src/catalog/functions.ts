import { sql } from 'kysely'
import { parseOptions } from './relations.ts'
import type { Database } from '../postgres/database.ts'

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

/** The settings of a function (`SET name = value`), by name, and the MD5 of its body; undefined where it is not there. */
export async function findFunctionSettings(
  db: Database,
  name: FunctionName,
): Promise<{ settings: Record<string, string>; bodyMd5: string } | undefined> {
  const row = await db
    .selectFrom('pg_catalog.pg_proc as function')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'function.pronamespace')
    .select(['function.proconfig as settings', sql<string>`pg_catalog.md5(function.prosrc)`.as('bodyMd5')])
    .where('namespace.nspname', '=', name.schema)
    .where('function.proname', '=', name.name)
    .where(sql<string>`pg_catalog.pg_get_function_identity_arguments(function.oid)`, '=', name.args)
    .executeTakeFirst()
  return row && { settings: parseOptions(row.settings ?? []), bodyMd5: row.bodyMd5 }
}
