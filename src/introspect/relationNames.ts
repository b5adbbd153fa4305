import type { Database } from '../db/database.ts'

/** The names of all relations by schema: tables, indexes, views, sequences and types of rows share them. */
export async function listRelationNames(db: Database): Promise<Map<string, Set<string>>> {
  const rows = await db
    .selectFrom('pg_catalog.pg_class as class')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'class.relnamespace')
    .select(['namespace.nspname as schema', 'class.relname as name'])
    .where('namespace.nspname', 'not like', String.raw`pg\_%`)
    .execute()
  const names = new Map<string, Set<string>>()
  for (const { schema, name } of rows) names.set(schema, (names.get(schema) ?? new Set()).add(name))
  return names
}
