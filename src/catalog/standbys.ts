import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** How many standbys this server knows of: those that stream from it now, and those that a slot waits for. */
export async function countStandbys(db: Database): Promise<number> {
  const result = await sql<{ standbys: number }>`
    SELECT greatest(
      (SELECT count(*) FROM pg_catalog.pg_stat_replication),
      (SELECT count(*) FROM pg_catalog.pg_replication_slots WHERE slot_type = 'physical'))::int AS standbys`.execute(
    db,
  )
  return result.rows[0]?.standbys ?? 0
}
