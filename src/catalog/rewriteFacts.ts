import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** What decides how a table can be written anew. */
export interface RewriteFacts {
  oid: number
  /** The index that CLUSTER has marked; null where there is none. */
  clusteredIndex: string | null
  /** A primary key or a unique index over columns that are never null, which pg_repack needs. */
  hasRowKey: boolean
  /** Whether the role may VACUUM it. */
  isOwned: boolean
}

/** For every table and materialized view of users. */
export async function listRewriteFacts(db: Database): Promise<RewriteFacts[]> {
  const { rows } = await sql<RewriteFacts>`
    SELECT class.oid,
      (SELECT marked.relname FROM pg_catalog.pg_index index JOIN pg_catalog.pg_class marked ON marked.oid = index.indexrelid
        WHERE index.indrelid = class.oid AND index.indisclustered) AS "clusteredIndex",
      EXISTS (SELECT FROM pg_catalog.pg_index index
        WHERE index.indrelid = class.oid AND index.indisunique AND index.indisvalid AND index.indpred IS NULL
          AND index.indexprs IS NULL
          AND NOT EXISTS (
            SELECT FROM pg_catalog.unnest(index.indkey::int2[]) key
            JOIN pg_catalog.pg_attribute attribute ON attribute.attrelid = class.oid AND attribute.attnum = key
            WHERE NOT attribute.attnotnull)) AS "hasRowKey",
      pg_catalog.pg_has_role(class.relowner, 'USAGE') AS "isOwned"
    FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'm') AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'`.execute(
    db,
  )
  return rows
}

/** The version of the extension pg_repack in this database, and whether the role is a superuser. */
export async function findRepackExtension(
  db: Database,
): Promise<{ version: string; isSuperuser: boolean } | undefined> {
  const { rows } = await sql<{ version: string; isSuperuser: boolean }>`
    SELECT extension.extversion AS version,
      (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS "isSuperuser"
    FROM pg_catalog.pg_extension extension WHERE extname = 'pg_repack'`.execute(db)
  return rows[0]
}

/** Heap, TOAST and indexes on disk at this moment. */
export async function readTotalBytes(db: Database, oid: number): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    SELECT pg_catalog.pg_total_relation_size(${oid}::oid)::float8 AS bytes`.execute(db)
  return rows[0]?.bytes ?? 0
}
