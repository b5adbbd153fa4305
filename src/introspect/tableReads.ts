import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import type { RelationName } from '../db/identifiers.ts'

/** The relations whose blocks were most often read from outside shared_buffers, indexes and TOAST counted in. */
export async function listMostRead(
  db: Database,
  limit: number,
): Promise<(RelationName & { blocksRead: number })[]> {
  const result = await sql<RelationName & { blocksRead: number }>`
    SELECT schemaname AS schema, relname AS name,
      (coalesce(heap_blks_read, 0) + coalesce(idx_blks_read, 0) + coalesce(toast_blks_read, 0))::float8
        AS "blocksRead"
    FROM pg_catalog.pg_statio_user_tables ORDER BY 3 DESC, 1, 2 LIMIT ${limit}`.execute(db)
  return result.rows.filter(({ blocksRead }) => blocksRead > 0)
}
