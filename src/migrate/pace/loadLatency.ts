import type { ClientBase } from 'pg'

/** What the sessions of a database have done since its statistics were reset. */
export interface Activity {
  activeMs: number
  transactions: number
}

/** With fewer transactions between two looks there is no load that could suffer. */
const fewestTransactions = 20

/** The mean time of a transaction of the others between two looks; undefined where they did too little to tell. */
export function meanOfOthers(before: Activity, after: Activity, own: Activity): number | undefined {
  const transactions = after.transactions - before.transactions - own.transactions
  const activeMs = after.activeMs - before.activeMs - own.activeMs
  if (transactions < fewestTransactions || activeMs < 0) return undefined
  return activeMs / transactions
}

/** A transaction may take so many times as long as without us. */
const tolerated = 1.5
/** At most 95 % of the time is spent pausing. */
export const longestPauses = 19
const firstPauses = 0.5

/**
 * How long to pause after each batch, as a multiple of the time that the batch took. The pauses double as long as the load
 * suffers, and halve when it does not.
 *
 * @param mean of the others now; undefined if they do nothing
 * @param baseline of the others without us
 */
export function nextPauses(pauses: number, mean: number | undefined, baseline: number | undefined): number {
  if (mean !== undefined && baseline !== undefined && mean > tolerated * baseline) {
    return Math.min(longestPauses, Math.max(firstPauses, pauses * 2))
  }
  return pauses <= firstPauses ? 0 : pauses / 2
}

/** The counters of this database, and how many sessions it has. */
export async function readActivity(client: ClientBase): Promise<Activity & { sessions: number }> {
  const { rows } = await client.query<Activity & { sessions: number }>(
    `SELECT active_time AS "activeMs", (xact_commit + xact_rollback)::float8 AS transactions,
       numbackends AS sessions
     FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()`,
  )
  return rows[0] ?? { activeMs: 0, transactions: 0, sessions: 1 }
}

/** Whether a session can be made to hand over its own counters; by itself it does so only now and then. */
export async function canHandOver(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ can: boolean }>(
    `SELECT coalesce(pg_catalog.has_function_privilege(
       pg_catalog.to_regprocedure('pg_catalog.pg_stat_force_next_flush()'), 'EXECUTE'), false) AS can`,
  )
  return rows[0]?.can ?? false
}

/**
 * Hands the counters of this session over as soon as it is idle. PostgreSQL 14 cannot do this.
 *
 * It reads a table: a session whose counts of tables were handed over already would keep its times to itself.
 */
export async function handOver(client: ClientBase): Promise<void> {
  await client.query('SELECT pg_catalog.pg_stat_force_next_flush() FROM pg_catalog.pg_class LIMIT 1')
}
