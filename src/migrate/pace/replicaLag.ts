import type { ClientBase } from 'pg'

/** A standby, or the consumer of a logical slot, and how far it is behind. */
export interface Replica {
  name: string
  bytes: number
  /** Null where nobody measures it, or where this role may not see it. */
  ms: number | null
}

const mostBytes = 64 * 1_024 * 1_024
/** With less than this to replay, the time that was measured last is an old one. */
const worthMentioning = 1_024 * 1_024

/**
 * The replica that we have to wait for. A wait ends when all are below half of the bound, so that it does not begin again
 * at once.
 *
 * @param isWaiting a wait has begun and not ended
 */
export function findBehind(replicas: Replica[], maxMs: number, isWaiting: boolean): Replica | undefined {
  const share = isWaiting ? 0.5 : 1
  return replicas.find(
    ({ bytes, ms }) =>
      bytes > mostBytes * share || (ms !== null && ms > maxMs * share && bytes > worthMentioning),
  )
}

/** How far replicas are behind; a role that may not see the standbys still sees the slots that are in use. */
export async function listReplicas(client: ClientBase): Promise<Replica[]> {
  const { rows } = await client.query<Replica>(`
    SELECT coalesce(nullif(application_name, ''), 'process ' || pid) AS name,
      pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn)::float8 AS bytes,
      (extract(epoch FROM greatest(write_lag, replay_lag)) * 1000)::float8 AS ms
    FROM pg_catalog.pg_stat_replication
    WHERE state IN ('streaming', 'catchup') AND replay_lsn IS NOT NULL
    UNION ALL
    SELECT slot_name,
      pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), coalesce(confirmed_flush_lsn, restart_lsn))::float8,
      NULL
    FROM pg_catalog.pg_replication_slots
    WHERE active AND coalesce(confirmed_flush_lsn, restart_lsn) IS NOT NULL`)
  return rows
}
