import { HundredfoldError, exitCodes } from '../errors.ts'
import { oneLine } from '../report/diagnosis/cells.ts'

/** How a section or rule ended; `name` is for people: `rule unused_index`. */
interface Ended {
  name: string
  status: 'ok' | 'skipped' | 'failed'
  reason?: string
}

/**
 * Fails a command after its result was written, if unexpected errors left the result incomplete. A skipped look is no
 * error.
 *
 * @throws HundredfoldError that names each look that failed, with its message
 */
export function refuseFailures(looks: Ended[]): void {
  const failed = looks.filter(({ status }) => status === 'failed')
  if (failed.length === 0) return
  throw new HundredfoldError(
    exitCodes.unexpected,
    failed
      .map(({ name, reason }) => `The ${name} failed: ${oneLine(reason ?? 'no reason given')}.`)
      .join(' '),
    'Everything else was checked. This error was not expected: run the command again, and report it if it persists.',
  )
}
