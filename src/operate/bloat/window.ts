import { HundredfoldError, exitCodes } from '../../errors.ts'
import type { Clock, Hours } from '../../migrate/hours.ts'
import { hoursText, isWithin } from '../../migrate/hours.ts'

/** The time in which remedies may run. */
export interface Window {
  /** Aborted by Ctrl-C, and at the end of the hours once they have begun. */
  signal: AbortSignal
  /** From now on it is looked whether the hours have ended. */
  begin(): void
  end(): void
}

/** @param hours absent where it may run at any time */
export function openWindow(stop: AbortSignal, hours: Hours | undefined, clock: Clock = {}): Window {
  const ended = new AbortController()
  let timer: NodeJS.Timeout | undefined
  return {
    signal: AbortSignal.any([stop, ended.signal]),
    begin: () => {
      if (!hours) return
      timer = setInterval(() => {
        if (isWithin(hours, (clock.now ?? (() => new Date()))(), clock.timeZone)) return
        ended.abort(
          new HundredfoldError(
            exitCodes.budgetExceeded,
            `The hours ${hoursText(hours)} have ended; what was running was cancelled, and its table is as it was.`,
            'Run it again in the next ones, or give more time.',
          ),
        )
      }, 1_000)
    },
    end: () => clearInterval(timer),
  }
}
