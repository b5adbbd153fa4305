import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

export interface ReplicationSlot {
  name: string
  type: string
  isActive: boolean
  /** WAL that the server keeps for it; null where it keeps none, or none any more. */
  keptBytes: number | null
  /** `reserved`, `extended`, `unreserved` or `lost`; null before the first use. */
  walStatus: string | null
  /** Transactions since the oldest one that it keeps rows or catalog rows for. */
  snapshotAge: number | null
}

/** Every slot of the server, on a primary or a standby. */
export async function listReplicationSlots(db: Database): Promise<ReplicationSlot[]> {
  const result = await sql<ReplicationSlot>`
    SELECT slot_name::text AS name, slot_type AS type, active AS "isActive", wal_status AS "walStatus",
      pg_catalog.pg_wal_lsn_diff(
        CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn()
             ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn)::float8 AS "keptBytes",
      greatest(pg_catalog.age(xmin), pg_catalog.age(catalog_xmin))::float8 AS "snapshotAge"
    FROM pg_catalog.pg_replication_slots WHERE NOT temporary ORDER BY 1`.execute(db)
  return result.rows
}
