import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { NotSeen } from './notSeen.ts'

/** A standby that streams from this server. */
export interface StandbyLag {
  application: string
  /** Empty for a socket. */
  address: string
  state: string
  /** WAL that it has not replayed yet; null before its first answer. */
  lagBytes: number | null
}

/**
 * Each standby that streams from this server now, which may be a standby itself.
 *
 * @throws NotSeen where the role does not see them
 */
export async function listStandbyLags(db: Database): Promise<StandbyLag[]> {
  const { rows } = await sql<StandbyLag & { isHidden: boolean }>`
    SELECT coalesce(application_name, '') AS application, coalesce(pg_catalog.host(client_addr), '') AS address,
      coalesce(state, '') AS state, state IS NULL AS "isHidden",
      pg_catalog.pg_wal_lsn_diff(
        CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn()
             ELSE pg_catalog.pg_current_wal_lsn() END, replay_lsn)::float8 AS "lagBytes"
    FROM pg_catalog.pg_stat_replication ORDER BY 1, 2, pid`.execute(db)
  if (rows.some(({ isHidden }) => isHidden)) {
    throw new NotSeen('this role does not see the standbys; a member of pg_read_all_stats does')
  }
  return rows
}

/**
 * Seconds by which this standby is behind its primary; 0 where it has replayed all that it has received.
 *
 * @throws NotSeen on a primary, and where nothing was replayed yet
 */
export async function readOwnLag(db: Database): Promise<number> {
  const { rows } = await sql<{ isStandby: boolean; seconds: number | null }>`
    SELECT pg_catalog.pg_is_in_recovery() AS "isStandby",
      CASE WHEN pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() THEN 0
        WHEN pg_catalog.pg_last_xact_replay_timestamp() IS NOT NULL
        THEN greatest(0, extract(epoch FROM clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()))
        END::float8 AS seconds`.execute(db)
  const [row] = rows
  if (!row?.isStandby) throw new NotSeen('this server is no standby')
  if (row.seconds === null) throw new NotSeen('this standby has not replayed a transaction yet')
  return row.seconds
}
