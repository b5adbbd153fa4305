import type { Database } from '../postgres/database.ts'

/** Whether a schema of that name exists. */
export async function schemaIsThere(db: Database, name: string): Promise<boolean> {
  const row = await db
    .selectFrom('pg_catalog.pg_namespace')
    .select('oid')
    .where('nspname', '=', name)
    .executeTakeFirst()
  return row !== undefined
}
