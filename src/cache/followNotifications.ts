import { setTimeout } from 'node:timers/promises'
import { cacheChannel, everyTag } from '../catalog/cacheChannel.ts'
import { connect } from '../postgres/connect.ts'
import { announcedTags } from './announcedTags.ts'
import type { Invalidator } from './invalidator.ts'

interface FollowOptions {
  /** Milliseconds between two confirmations; a quarter of the store's bound is right. */
  everyMs: number
  signal: AbortSignal
  /** Told once per outage, and once when the database answers again. */
  onOutage?: (error: Error | undefined) => void
}

const pauses = { first: 50, longest: 5_000 }

/**
 * Invalidates in the memory of this process what the database announces, until the signal. While the session is lost nothing is
 * confirmed, and everything is dropped when it is back: what was announced meanwhile was not heard.
 *
 * @param url a direct connection; a pooler in transaction mode does not pass announcements on
 */
export async function followNotifications(
  url: string,
  invalidator: Invalidator,
  { everyMs, signal, onOutage }: FollowOptions,
): Promise<void> {
  let pause = pauses.first
  while (!signal.aborted) {
    try {
      await followOneSession(url, invalidator, everyMs, signal, () => {
        if (pause > pauses.first) onOutage?.(undefined)
        pause = pauses.first
      })
    } catch (error) {
      if (signal.aborted) return
      if (pause === pauses.first) onOutage?.(error instanceof Error ? error : new Error(String(error)))
      await pauseFor(pause, signal)
      pause = Math.min(pauses.longest, 2 * pause)
    }
  }
}

async function followOneSession(
  url: string,
  invalidator: Invalidator,
  everyMs: number,
  signal: AbortSignal,
  onConfirmed: () => void,
): Promise<void> {
  const client = await connect(url, { applicationName: 'hundredfold cache', answerTimeoutMs: 4 * everyMs })
  try {
    let failed: unknown
    client.on('notification', ({ payload = '' }) => {
      invalidator.invalidate(announcedTags(payload)).catch((error: unknown) => (failed = error))
    })
    await client.query(`LISTEN ${cacheChannel}`)
    await invalidator.invalidate([everyTag])
    while (!signal.aborted) {
      const round = await invalidator.begin()
      // The answer comes after every announcement that was made before.
      await client.query('SELECT')
      if (failed !== undefined) throw failed instanceof Error ? failed : new Error(String(failed))
      await round.confirm()
      onConfirmed()
      await pauseFor(everyMs, signal)
    }
  } finally {
    client.connection.stream.destroy()
  }
}

async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined)
}
