import { messageOf } from '../../errors.ts'
import type { Measurement } from '../../metrics/measurement.ts'
import { keepSession } from './keptSession.ts'
import type { MetricReader } from './reader.ts'
import type { Round } from './round.ts'
import { outageRound, takeRound } from './round.ts'

/**
 * Hears of every round, also of one in which the database did not answer: then `up` is the only measurement. The next
 * round waits for it, so it should not take long.
 */
export type RoundListener = (
  measurements: readonly Measurement[],
  takenAt: Date,
  round: Round,
) => void | Promise<void>

/** Time as rounds need it; tests hand in their own. */
export interface Clock {
  /** Of the wall: it may jump. */
  now(): Date
  /** Milliseconds since some moment; they only grow. */
  elapsedMs(): number
  /** Ends early when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface RoundsOptions {
  url: string
  readers: readonly MetricReader[]
  everyMs: number
  /** Each gets every round, in this order. */
  listeners: readonly RoundListener[]
  signal: AbortSignal
  clock?: Clock
  /** Called once for each outage, with its reason. */
  onOutage?: (reason: string) => void
  onRecovery?: () => void
}

const firstPauseMs = 1_000
/** A timer may fire a little early. */
const slackMs = 5

/**
 * Takes rounds until the signal: at the same distance from the first one, never two at a time. One that takes longer than
 * the distance makes the next one miss its turn. A database that does not answer is asked again after pauses that grow
 * from a second to the distance.
 */
export async function takeRounds(options: RoundsOptions): Promise<void> {
  const { url, readers, everyMs, listeners, signal, clock = machineClock, onOutage, onRecovery } = options
  const session = keepSession(url)
  const cut = () => session.close()
  signal.addEventListener('abort', cut, { once: true })
  const startedAt = clock.elapsedMs()
  let pause = 0
  try {
    while (!signal.aborted) {
      const takenAt = clock.now()
      const round = await session
        .use((client) => takeRound(client, readers, takenAt))
        .catch((error: unknown) => outageRound(takenAt, messageOf(error)))
      if (signal.aborted) return
      if (round.outage === undefined) {
        if (pause > 0) onRecovery?.()
        pause = 0
      } else {
        if (pause === 0) onOutage?.(round.outage)
        pause = Math.min(Math.max(2 * pause, firstPauseMs), everyMs)
      }
      for (const onRound of listeners) await onRound(round.measurements, round.takenAt, round)
      const elapsed = clock.elapsedMs() - startedAt
      const untilNext = (Math.floor((elapsed + slackMs) / everyMs) + 1) * everyMs - elapsed
      await clock.sleep(pause > 0 ? Math.min(pause, untilNext) : untilNext, signal)
    }
  } finally {
    signal.removeEventListener('abort', cut)
    session.close()
  }
}

const machineClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done, { once: true })
    }),
}
