import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Blocks of tables, their indexes and TOAST, found in shared_buffers and read from outside it. */
export interface BlockHits {
  blocksHit: number
  blocksRead: number
  /** How many they have, as of the last VACUUM or ANALYZE of each. */
  storedBlocks: number
}

/** The sums of what `listTables` reads table by table, added up by the server. */
export async function sumBlockHits(db: Database, schemas: readonly string[]): Promise<BlockHits> {
  const { rows } = await sql<BlockHits>`
    WITH tables AS MATERIALIZED (
      SELECT class.oid, class.reltoastrelid
      FROM pg_catalog.pg_class class
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      WHERE class.relkind IN ('r', 'm') AND class.relpersistence <> 't' AND namespace.nspname = ANY (${schemas}::name[])
    ),
    heaps AS MATERIALIZED (
      SELECT oid FROM tables UNION ALL SELECT reltoastrelid FROM tables WHERE reltoastrelid <> 0
    )
    SELECT coalesce(sum(hit), 0)::float8 AS "blocksHit", coalesce(sum(fetched - hit), 0)::float8 AS "blocksRead",
      coalesce(sum(class.relpages), 0)::float8 AS "storedBlocks"
    FROM (
      SELECT oid FROM heaps
      UNION ALL SELECT indexrelid FROM pg_catalog.pg_index JOIN heaps ON heaps.oid = indrelid
    ) relations
    JOIN pg_catalog.pg_class class USING (oid)
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_stat_get_blocks_fetched(oid) AS fetched,
      pg_catalog.pg_stat_get_blocks_hit(oid) AS hit) counted`.execute(db)
  return rows[0] ?? { blocksHit: 0, blocksRead: 0, storedBlocks: 0 }
}
