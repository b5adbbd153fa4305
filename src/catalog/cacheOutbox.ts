import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified } from '../postgres/identifiers.ts'
import { findRelation } from './relations.ts'

/** Where triggers write the tags of what changed. The schema also has the functions of these triggers. */
export const cacheOutbox: RelationName = { schema: 'hundredfold_cache', name: 'outbox' }

/** What nobody has invalidated yet. */
export interface CacheOutbox {
  /** Rows, of which each is one statement; counted up to `mostRowsCounted`. */
  rows: number
  /** The age of the oldest row; null where there is none. */
  oldestSeconds: number | null
}

/** Beyond this many rows counting ends, so that a look stays cheap where nobody follows the outbox. */
export const mostRowsCounted = 100_000

/** How much lies in the outbox; undefined where the database has none. The role needs SELECT on it. */
export async function findCacheOutbox(db: Database): Promise<CacheOutbox | undefined> {
  if (!(await findRelation(db, cacheOutbox))) return undefined
  const outbox = sql.raw(qualified(cacheOutbox))
  const { rows } = await sql<CacheOutbox>`
    SELECT (SELECT pg_catalog.count(*) FROM (SELECT FROM ${outbox} LIMIT ${mostRowsCounted}) counted)::float8 AS rows,
      EXTRACT(epoch FROM pg_catalog.clock_timestamp()
        - (SELECT at FROM ${outbox} ORDER BY id LIMIT 1))::float8 AS "oldestSeconds"`.execute(db)
  return rows[0]
}

/** Whether triggers of the session's role can write to the outbox and clean it; false where there is none. */
export async function cacheOutboxIsOurs(db: Database): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = ${cacheOutbox.schema} AND class.relname = ${cacheOutbox.name} AND class.relkind = 'r'
      AND pg_catalog.has_schema_privilege(namespace.oid, 'USAGE')
      AND pg_catalog.has_table_privilege(class.oid, 'INSERT') AND pg_catalog.has_table_privilege(class.oid, 'SELECT')
      AND pg_catalog.has_table_privilege(class.oid, 'UPDATE') AND pg_catalog.has_table_privilege(class.oid, 'DELETE')`.execute(
    db,
  )
  return rows.length === 1
}
