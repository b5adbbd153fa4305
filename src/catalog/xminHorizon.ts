import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** Something that keeps VACUUM from removing rows which died after a certain transaction. */
export interface HorizonHolder {
  kind: 'session' | 'slot' | 'prepared transaction' | 'standby'
  /** A process id, the name of a slot or of a prepared transaction, the application name of a standby. */
  name: string
  /** Null for a physical slot or a standby: it keeps rows of every database. */
  database: string | null
  role: string | null
  application: string | null
  state: string | null
  /** Seconds since its transaction began; null for slots and standbys. */
  seconds: number | null
  /** Transactions begun since the oldest one that it needs rows of. */
  age: number
  /** The oldest one is its own transaction. Snapshots of others taken meanwhile begin there too, and are no cause. */
  isOwn: boolean
  /** False for a logical slot's catalog rows, which are kept in system catalogs only. */
  keepsUserRows: boolean
}

/**
 * What holds back VACUUM in this database, the oldest first. A session of another database does not: VACUUM looks at it
 * only for shared catalogs. Our own session is left out, and so is VACUUM itself. Sessions of other roles show their
 * snapshots to members of pg_read_all_stats only.
 */
export async function listHorizonHolders(db: Database): Promise<HorizonHolder[]> {
  const result = await sql<HorizonHolder>`
    SELECT 'session' AS kind, activity.pid::text AS name, activity.datname::text AS database,
      activity.usename::text AS role, nullif(activity.application_name, '') AS application, activity.state,
      extract(epoch FROM clock_timestamp() - activity.xact_start)::float8 AS seconds,
      greatest(pg_catalog.age(activity.backend_xmin), pg_catalog.age(activity.backend_xid))::float8 AS age,
      coalesce(pg_catalog.age(activity.backend_xid) >= coalesce(pg_catalog.age(activity.backend_xmin), 0), false)
        AS "isOwn", true AS "keepsUserRows"
    FROM pg_catalog.pg_stat_activity activity
    WHERE (activity.backend_xmin IS NOT NULL OR activity.backend_xid IS NOT NULL)
      AND activity.datname = pg_catalog.current_database() AND activity.pid <> pg_catalog.pg_backend_pid()
      -- A parallel worker has the snapshot of its leader.
      AND coalesce(activity.backend_type, '') NOT IN ('autovacuum worker', 'parallel worker')
      AND activity.pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_vacuum)
    UNION ALL
    SELECT 'slot', slot_name::text, database::text, NULL, plugin::text,
      CASE WHEN active THEN 'active' ELSE 'not in use' END, NULL,
      greatest(pg_catalog.age(xmin), pg_catalog.age(catalog_xmin))::float8, false, xmin IS NOT NULL
    FROM pg_catalog.pg_replication_slots WHERE xmin IS NOT NULL OR catalog_xmin IS NOT NULL
    UNION ALL
    SELECT 'prepared transaction', gid, database::text, owner::text, NULL, NULL,
      extract(epoch FROM clock_timestamp() - prepared)::float8, pg_catalog.age(transaction)::float8, true, true
    FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()
    UNION ALL
    -- A standby with a slot holds by its slot; one without, by hot_standby_feedback.
    SELECT 'standby', coalesce(nullif(application_name, ''), pid::text), NULL, usename::text, NULL, state, NULL,
      pg_catalog.age(backend_xmin)::float8, false, true
    FROM pg_catalog.pg_stat_replication WHERE backend_xmin IS NOT NULL
    ORDER BY 8 DESC, 1, 2`.execute(db)
  return result.rows
}
