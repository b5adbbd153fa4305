import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** The ids of Supabase's public buckets: empty without its storage, undefined if the session may not read them. */
export async function listPublicBuckets(db: Database): Promise<string[] | undefined> {
  const { rows: tables } = await sql<{ mayRead: boolean }>`
    SELECT pg_catalog.has_schema_privilege(namespace.oid, 'USAGE')
      AND pg_catalog.has_column_privilege(class.oid, bucket.attnum, 'SELECT')
      AND pg_catalog.has_column_privilege(class.oid, open.attnum, 'SELECT') AS "mayRead"
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_attribute bucket ON bucket.attrelid = class.oid AND bucket.attname = 'id'
    JOIN pg_catalog.pg_attribute open ON open.attrelid = class.oid AND open.attname = 'public'
      AND open.atttypid = 'boolean'::pg_catalog.regtype
    WHERE namespace.nspname = 'storage' AND class.relname = 'buckets' AND class.relkind IN ('r', 'p')`.execute(
    db,
  )
  const [table] = tables
  if (!table) return []
  if (!table.mayRead) return undefined
  const { rows } = await sql<{ id: string }>`
    SELECT id::text AS id FROM storage.buckets WHERE public ORDER BY 1`.execute(db)
  return rows.map(({ id }) => id)
}
