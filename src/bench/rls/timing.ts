import type { Client } from 'pg'
import { quote } from '../../postgres/identifiers.ts'
import { errorCode } from '../../postgres/sqlState.ts'
import { median } from '../../median.ts'

/** A session, and the time limit of its statements. A statement that is cut off would take at least that long. */
export interface TimedSession {
  client: Client
  cutAfterMs: number
}

/** Who asks: `public.person(n)`, as `authenticated` by default; and what counts. */
export interface Asking {
  person: number
  role?: string
  withoutPlanning?: boolean
}

/** Warm runs of each statement; a slow one runs less often. */
const enough = { runs: 31, totalMs: 1_500 }
/** A statement that takes longer than this is not run a second time. */
const slowMs = 1_000

/**
 * Runs the statement on each client in turn, as the person, warm. Returns the medians of the server's own times in
 * milliseconds, planning and execution together by default. Nothing is fetched, and everything is rolled back.
 */
export async function timeInTurn(sessions: TimedSession[], sql: string, asking: Asking): Promise<number[]> {
  const measured = sessions.map((session) => ({ session, times: [] as number[], total: 0 }))
  // The first run reads pages and catalogs into caches. It does not count, unless it is so slow that this makes no
  // difference.
  for (const each of measured) {
    const ms = await timeOnce(each.session, sql, asking)
    if (ms > slowMs) {
      each.times.push(ms)
      each.total = Infinity
    }
  }
  for (let run = 0; run < enough.runs; run += 1) {
    for (const each of measured) {
      if (each.total >= enough.totalMs) continue
      const ms = await timeOnce(each.session, sql, asking)
      each.times.push(ms)
      each.total += ms
    }
  }
  return measured.map(({ times }) => median(times))
}

async function timeOnce(
  { client, cutAfterMs }: TimedSession,
  sql: string,
  { person, role = 'authenticated', withoutPlanning = false }: Asking,
): Promise<number> {
  await client.query('BEGIN')
  try {
    await client.query(
      `SELECT set_config('request.jwt.claims', json_build_object('sub', public.person($1))::text, true),
              set_config('statement_timeout', $2, true)`,
      [person, `${cutAfterMs}`],
    )
    await client.query(`SET LOCAL ROLE ${quote(role)}`)
    const { rows } = await client.query<{
      'QUERY PLAN': [{ 'Planning Time': number; 'Execution Time': number }]
    }>(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${sql}`)
    const [plan] = rows[0]?.['QUERY PLAN'] ?? []
    const planning = withoutPlanning ? 0 : (plan?.['Planning Time'] ?? 0)
    return planning + (plan?.['Execution Time'] ?? 0)
  } catch (error) {
    // 57014: cut off by statement_timeout.
    if (errorCode(error) === '57014') return cutAfterMs
    throw error
  } finally {
    await client.query('ROLLBACK')
  }
}
