import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { identifiersIn } from '../postgres/identifiers.ts'

/**
 * The relation that a person means by `bookings`, `public.bookings` or `"Shop data"."Orders"`; undefined if there is none. A
 * name without its schema is looked for in the search path, then in `public`. Only the catalog is asked, so the role needs no
 * privilege on the schema.
 */
export async function findNamedTable(db: Database, text: string): Promise<RelationName | undefined> {
  const parts = identifiersIn(text)
  const name = parts.at(-1)
  if (name === undefined || parts.length > 2) return undefined
  const schemas =
    parts.length === 2
      ? sql`ARRAY[${parts[0]}::name]`
      : sql`pg_catalog.current_schemas(true) || 'public'::name`
  const { rows } = await sql<RelationName>`
    SELECT namespace.nspname::text AS schema, class.relname::text AS name
    FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE class.relname = ${name}::name AND namespace.nspname = ANY (${schemas})
    ORDER BY pg_catalog.array_position(${schemas}, namespace.nspname) LIMIT 1`.execute(db)
  return rows[0]
}

/** A few tables and views of that name in any schema, in whatever case. */
export async function findTablesNamed(db: Database, name: string): Promise<RelationName[]> {
  const { rows } = await sql<RelationName>`
    SELECT namespace.nspname::text AS schema, class.relname::text AS name
    FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'p', 'v', 'm', 'f') AND lower(class.relname) = lower(${name})
    ORDER BY 1, 2 LIMIT 5`.execute(db)
  return rows
}
