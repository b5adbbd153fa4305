import type { ClientBase } from 'pg'

/** A moment by the server's clock, and how long its process has waited for a processor until then; both in milliseconds. */
export interface Moment {
  at: number
  waited: number
}

/**
 * The first number of Linux's schedstat is the time on a processor, the second the time in which the process was ready to run
 * and had none; in nanoseconds. Only superusers may read it, and only on Linux; 0 elsewhere.
 */
export const momentQuery = `SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8 * 1000 AS at,
  coalesce(pg_catalog.split_part(CASE
    WHEN pg_catalog.current_setting('is_superuser') = 'on'
    THEN pg_catalog.pg_read_file('/proc/self/schedstat', 0, 100, true) END, ' ', 2)::float8 / 1000000, 0) AS waited`

/** Milliseconds between two moments without those in which the process waited for a processor. */
export function calmMsBetween(from: Moment, to: Moment): number {
  return to.at - from.at - (to.waited - from.waited)
}

/**
 * Milliseconds that a statement and its commit take by the server's clock, without those in which its process waited for a
 * processor that others had: on a busy machine a statement takes several times as long, and what it does stays the same.
 *
 * @param sql exactly one statement, that may run in a transaction
 */
export async function calmMs(session: ClientBase, sql: string): Promise<number> {
  const results = await session.query(`${momentQuery}; BEGIN; ${sql}; COMMIT; ${momentQuery}`)
  const all = results as unknown as { rows: Moment[] }[]
  const [from, to] = [all[0]?.rows[0], all.at(-1)?.rows[0]]
  if (!from || !to) throw new Error('the server did not say the time')
  return calmMsBetween(from, to)
}

/** The same for a statement that PostgreSQL runs outside of transactions only, such as VACUUM. */
export async function calmMsOutside(session: ClientBase, sql: string): Promise<number> {
  const moment = async (): Promise<Moment> => {
    const { rows } = await session.query<Moment>(momentQuery)
    return rows[0] ?? { at: 0, waited: 0 }
  }
  const from = await moment()
  await session.query(sql)
  return calmMsBetween(from, await moment())
}
