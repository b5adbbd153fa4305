import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { HundredfoldError, exitCodes } from '../errors.ts'

/** Any number will do if every runner uses the same one; this is "hundredfold" in ASCII, folded. */
const runLockKey = '7525081439152401520'
const pollEveryMs = 200

/**
 * Takes the lock that allows one run at a time; if another run has it, waits for that run to end.
 *
 * It polls with `pg_try_advisory_lock`. A session that waits in `pg_advisory_lock` holds a snapshot, and the other run's
 * CREATE INDEX CONCURRENTLY would wait for that snapshot: a deadlock.
 *
 * @throws HundredfoldError (exit 3) when the budget is spent.
 */
export async function takeRunLock(
  client: ClientBase,
  options: { budgetMs: number; signal?: AbortSignal; onWait?: (holderPid: number | undefined) => void },
): Promise<void> {
  const started = performance.now()
  let announced = false
  for (;;) {
    const result = await client.query<{ taken: boolean }>(
      `SELECT pg_catalog.pg_try_advisory_lock($1) AS taken`,
      [runLockKey],
    )
    if (result.rows[0]?.taken) return
    const holder = await findHolder(client)
    if (!announced) options.onWait?.(holder)
    announced = true
    if (performance.now() - started > options.budgetMs) {
      throw new HundredfoldError(
        exitCodes.budgetExceeded,
        `Another run${holder ? ` (server process ${holder})` : ''} still holds the run lock after ${options.budgetMs / 1000} s.`,
        'Wait for it to end and start again, or give more time with --lock-budget.',
      )
    }
    await sleep(pollEveryMs, undefined, options.signal ? { signal: options.signal } : {})
  }
}

/** Releases the run lock; the end of the session releases it too. */
export async function releaseRunLock(client: ClientBase): Promise<void> {
  await client.query(`SELECT pg_catalog.pg_advisory_unlock($1)`, [runLockKey])
}

async function findHolder(client: ClientBase): Promise<number | undefined> {
  const result = await client.query<{ pid: number }>(
    `SELECT pid FROM pg_catalog.pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 1
       AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND ((classid::bigint << 32) | objid::bigint) = $1::bigint`,
    [runLockKey],
  )
  return result.rows[0]?.pid
}
