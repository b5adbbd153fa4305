import type { Hours } from '../migrate/hours.ts'
import { hoursText, untilHoursBegin } from '../migrate/hours.ts'
import { duration } from '../report/units.ts'
import type { CommandContext } from './context.ts'
import { withMigrateSession } from './migrateSession.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine } from './output.ts'

/**
 * Waits until the hours begin. No session is open meanwhile: one that is idle for hours may be cut off. Whether there is a
 * fit session to be had is found out before, while somebody may still be watching.
 */
export async function waitForHours(
  { config, terminal }: CommandContext,
  options: OutputOptions,
  hours: Hours,
): Promise<void> {
  let announced = false
  await withMigrateSession(config, terminal, () => Promise.resolve())
  await untilHoursBegin(hours, {
    signal: terminal.signal,
    onWait: (begin, remainingMs) => {
      const until = `${begin.toLocaleDateString('sv-SE')} ${begin.toLocaleTimeString('sv-SE').slice(0, 5)}`
      if (!announced)
        peopleLine(terminal, options)(`Waiting until ${until}, for the hours ${hoursText(hours)}.`)
      announced = true
      terminal.progress(`waiting until ${until}: ${duration(Math.ceil(remainingMs / 1_000) * 1_000)} left`)
    },
  })
  terminal.progress('')
}
