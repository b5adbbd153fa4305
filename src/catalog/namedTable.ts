import { sql } from 'kysely'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** The relation that a person means by `bookings`, `public.bookings` or `"Shop data"."Orders"`; undefined if there is none. */
export async function findNamedTable(db: Database, text: string): Promise<RelationName | undefined> {
  return (
    (await findByText(db, text)) ?? (hasSchema(text) ? undefined : await findByText(db, `public.${text}`))
  )
}

function hasSchema(text: string): boolean {
  return !/^(?:"(?:[^"]|"")+"|[^".]+)$/.test(text)
}

async function findByText(db: Database, text: string): Promise<RelationName | undefined> {
  const { rows } = await sql<RelationName>`
    SELECT namespace.nspname::text AS schema, class.relname::text AS name
    FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE class.oid = pg_catalog.to_regclass(${text})`.execute(db)
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
