import type { Client } from 'pg'
import { UsageError } from '../errors.ts'

/** How a session reaches the server. */
export type Route = 'direct' | 'session pooler' | 'transaction pooler'

const rounds = 3
const answerWithinMs = 2_000

/**
 * Detects a pooler by its behaviour, and whether the pooler shares server processes between transactions. At login, a
 * direct server announces the process that then answers; a pooler announces a number of its own. Behind a pooler, we open
 * a second session: if it gets the server process of the first one, which is still connected, processes are shared.
 */
export async function findRoute(client: Client, openSecond: () => Promise<Client>): Promise<Route> {
  const announced = (client as Client & { processID: number | null }).processID
  const first = await backendPid(client)
  if (announced === first) return 'direct'
  let second: Client
  try {
    second = await openSecond()
  } catch {
    // A session pool of one connection has none left for a second client; a transaction pool would have.
    return 'session pooler'
  }
  try {
    for (let round = 0; round < rounds; round += 1) {
      await second.query('BEGIN')
      const other = await within(backendPid(second))
      const again = await within(backendPid(client))
      await second.query('ROLLBACK')
      if (other === first || again === undefined || again !== first) return 'transaction pooler'
    }
    return 'session pooler'
  } catch {
    return 'session pooler'
  } finally {
    await second.end().catch(() => undefined)
  }
}

/** @throws UsageError if migrations must not run here: through a transaction pooler, or on a standby. */
export async function refuseUnfitSession(client: Client, openSecond: () => Promise<Client>): Promise<void> {
  if ((await findRoute(client, openSecond)) === 'transaction pooler') {
    throw new UsageError(
      'This connection goes through a pooler in transaction mode, where locks, settings and sessions do not last.',
      'Set DIRECT_URL to the direct connection, or to the session pooler (on Supabase: port 5432, not 6543).',
    )
  }
  const standby = await client.query<{ standby: boolean }>(`SELECT pg_catalog.pg_is_in_recovery() AS standby`)
  if (standby.rows[0]?.standby) {
    throw new UsageError(
      'This server is a standby: it can be read, but not changed.',
      'Set DIRECT_URL to the primary server.',
    )
  }
}

async function backendPid(client: Client): Promise<number> {
  const result = await client.query<{ pid: number }>(`SELECT pg_catalog.pg_backend_pid() AS pid`)
  return result.rows[0]?.pid ?? 0
}

async function within<T>(answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), answerWithinMs)
  })
  try {
    return await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}
