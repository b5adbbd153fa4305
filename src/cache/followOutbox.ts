import type { Client } from 'pg'
import { cacheChannel } from '../catalog/cacheChannel.ts'
import { messageOf } from '../errors.ts'
import { drainOutbox } from './drainOutbox.ts'
import type { Invalidator } from './invalidator.ts'
import { limitAnswers } from './limitAnswers.ts'

export interface FollowOptions {
  /** Opens a session, which the worker ends. */
  connect(): Promise<Client>
  invalidator: Invalidator
  /** Ends the work. */
  signal: AbortSignal
  /** Called once for each outage, with its reason. */
  onOutage?(reason: string): void
  /** Called when the outage is over. */
  onRecovery?(): void
}

/** The cache hears from us at least twice a second, so we look as often: what is confirmed has to be true. */
const looksEveryMs = 400
/** No more confirmations than that: each commit wakes us. */
const confirmsAtMostEveryMs = 100
/** Another worker holds rows that it has not invalidated yet. */
const looksAgainMs = 25
const pauses = { first: 100, most: 5_000 }

/**
 * Follows the outbox until the signal: invalidates what commits announce, and confirms to the cache that nothing is left.
 * A lost connection or a cache that fails is met with growing pauses, and nothing is confirmed meanwhile.
 */
export async function followOutbox(options: FollowOptions): Promise<void> {
  const { signal, onOutage, onRecovery } = options
  let pause = 0
  while (!signal.aborted) {
    try {
      await followInSession(options, () => {
        if (pause > 0) onRecovery?.()
        pause = 0
      })
    } catch (error) {
      if (signal.aborted) return
      if (pause === 0) onOutage?.(messageOf(error))
      pause = Math.min(Math.max(pause * 2, pauses.first), pauses.most)
      await sleepUnlessAborted(pause, signal)
    }
  }
}

/** Follows in one session until the signal, or until something fails. */
async function followInSession(options: FollowOptions, onRound: () => void): Promise<void> {
  const { signal } = options
  const invalidator = limitAnswers(options.invalidator)
  const client = await orAborted(options.connect(), signal, (late) => late.end())
  const wake = waker(client)
  // Cutting the connection ends the statement that runs, and the server takes the transaction back.
  const cut = () => client.connection.stream.destroy()
  signal.addEventListener('abort', cut, { once: true })
  try {
    // Where this machine is gone without a word, the server frees our rows for other workers.
    await client.query(`SET idle_in_transaction_session_timeout = '10s'; LISTEN ${cacheChannel}`)
    let confirmed = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      const isDue = performance.now() - confirmed >= confirmsAtMostEveryMs
      const round = isDue ? await orAborted(invalidator.begin(), signal) : undefined
      const { isComplete } = await orAborted(drainOutbox(client, invalidator), signal)
      if (round && isComplete) {
        await orAborted(round.confirm(), signal)
        confirmed = performance.now()
      }
      onRound()
      await wake.within(isComplete ? looksEveryMs : looksAgainMs, signal)
    }
  } finally {
    signal.removeEventListener('abort', cut)
    wake.stop()
    // Ended without waiting for an answer: the session may be in the midst of a statement.
    cut()
  }
}

interface Waker {
  /** Resolves at the next announcement, at once if there was one since the last call, or after so long. */
  within(ms: number, signal: AbortSignal): Promise<void>
  stop(): void
}

/** @throws in `within`, if the session has ended */
function waker(client: Client): Waker {
  let isWoken = false
  let ended: Error | undefined
  let wake: (() => void) | undefined
  const announced = () => {
    isWoken = true
    wake?.()
  }
  const gone = (error?: Error) => {
    ended ??= error ?? new Error('the connection to the database was lost')
    wake?.()
  }
  client.on('notification', announced)
  client.on('error', gone)
  client.on('end', gone)
  return {
    async within(ms, signal) {
      if (!isWoken && !ended && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
          signal.addEventListener('abort', wake, { once: true })
        }).finally(() => {
          if (wake) signal.removeEventListener('abort', wake)
          wake = undefined
        })
      }
      isWoken = false
      if (ended) throw ended
    },
    stop() {
      client.off('notification', announced)
      client.off('error', gone)
      client.off('end', gone)
    },
  }
}

/** The work's result; an error as soon as the signal is aborted, whatever the work still waits for. */
async function orAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  discard?: (late: T) => Promise<unknown>,
): Promise<T> {
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('stopped'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } catch (error) {
    // Nobody waits for it any more.
    work.then((late) => discard?.(late)).catch(() => undefined)
    throw error
  } finally {
    if (stop) signal.removeEventListener('abort', stop)
  }
}

async function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
