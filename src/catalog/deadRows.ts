import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { lockedRelations } from './lockedRelations.ts'

/** Bytes of heaps that live and dead rows take, if all rows of a table are equally long. */
export interface DeadRows {
  deadBytes: number
  liveBytes: number
}

/** The sums of what `listTables` reads table by table, added up by the server. Locked tables have their last known size. */
export async function sumDeadRows(db: Database, schemas: readonly string[]): Promise<DeadRows> {
  const { rows } = await sql<DeadRows>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locks),
    tables AS MATERIALIZED (
      SELECT class.oid, class.relpages * pg_catalog.current_setting('block_size')::float8 AS known_bytes,
        class.oid IN (SELECT oid FROM locked) OR class.reltoastrelid IN (SELECT oid FROM locked) AS unreachable,
        pg_catalog.pg_stat_get_live_tuples(class.oid) AS live, pg_catalog.pg_stat_get_dead_tuples(class.oid) AS dead
      FROM pg_catalog.pg_class class
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      WHERE class.relkind IN ('r', 'm') AND class.relpersistence <> 't' AND namespace.nspname = ANY (${schemas}::name[])
    )
    SELECT coalesce(sum(dead * row_bytes), 0)::float8 AS "deadBytes",
      coalesce(sum(live * row_bytes), 0)::float8 AS "liveBytes"
    FROM tables
    -- A table without rows weighs nothing, so its size is not asked for.
    CROSS JOIN LATERAL (
      SELECT CASE WHEN unreachable THEN known_bytes ELSE coalesce(pg_catalog.pg_relation_size(oid), 0)::float8 END
        / (live + dead) AS row_bytes
    ) sized
    WHERE live + dead > 0`.execute(db)
  return rows[0] ?? { deadBytes: 0, liveBytes: 0 }
}
