import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** The names that are taken: tables, indexes, views and sequences of one schema share them. */
export async function listRelationNames(db: Database): Promise<RelationName[]> {
  const { rows } = await sql<RelationName>`
    SELECT namespace.nspname AS schema, class.relname AS name
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'`.execute(db)
  return rows
}

/** The same by schema; code that chooses a new name adds it. */
export function namesBySchema(names: RelationName[]): Map<string, Set<string>> {
  const taken = new Map<string, Set<string>>()
  for (const { schema, name } of names) {
    const known = taken.get(schema)
    if (known) known.add(name)
    else taken.set(schema, new Set([name]))
  }
  return taken
}
