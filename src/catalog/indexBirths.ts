import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/**
 * When indexes were built, by oid, as far as the server knows: with `track_commit_timestamp`, and for transactions that it
 * remembers. A later change of an index's catalog entry, such as `ALTER TABLE ... CLUSTER ON`, makes it look younger.
 */
export async function listIndexBirths(db: Database): Promise<Map<number, Date>> {
  const setting = await sql<{ isTracked: boolean }>`
    SELECT pg_catalog.current_setting('track_commit_timestamp')::bool AS "isTracked"`.execute(db)
  if (setting.rows[0]?.isTracked !== true) return new Map()
  // The ids below 3 are no transactions; asking for them is an error.
  const { rows } = await sql<{ oid: number; at: Date }>`
    SELECT oid, at FROM (
      SELECT indexrelid AS oid,
        CASE WHEN xmin::text::bigint >= 3 THEN pg_catalog.pg_xact_commit_timestamp(xmin) END AS at
      FROM pg_catalog.pg_index
    ) built WHERE at IS NOT NULL`.execute(db)
  return new Map(rows.map(({ oid, at }) => [oid, at]))
}
