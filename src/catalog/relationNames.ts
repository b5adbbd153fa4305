import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** The names that are taken: tables, indexes, views and sequences of one schema share them. */
export async function listRelationNames(db: Database): Promise<RelationName[]> {
  return db
    .selectFrom('pg_catalog.pg_class as class')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'class.relnamespace')
    .select(['namespace.nspname as schema', 'class.relname as name'])
    .where('namespace.nspname', '!~', '^pg_')
    .where('namespace.nspname', '<>', 'information_schema')
    .execute()
}

/** The same by schema; whoever chooses a name adds it. */
export function namesBySchema(names: RelationName[]): Map<string, Set<string>> {
  const taken = new Map<string, Set<string>>()
  for (const { schema, name } of names) {
    const known = taken.get(schema)
    if (known) known.add(name)
    else taken.set(schema, new Set([name]))
  }
  return taken
}
