import type { ExitCode } from '../errors.ts'
import { exitCodes } from '../errors.ts'
import { metrics } from '../metrics/registry.ts'
import { openAlerts } from '../operate/alerts/openAlerts.ts'
import type { AlertState } from '../operate/alerts/rounds.ts'
import type { RoundListener } from '../operate/monitor/rounds.ts'
import type { CommandContext } from './context.ts'

/** The alerts of `monitor --alert`, as rounds and outputs see them. */
export interface MonitorAlerts {
  /** Comes before the outputs, which show what it found. */
  onRound: RoundListener
  /** Of the last round. */
  states(): readonly AlertState[]
  /** 2 if an alert fires that is not silenced. */
  exitCode(): ExitCode
  close(): Promise<void>
}

interface Wanted {
  alert: string
  alertFolder: string
  /** Standard output belongs to a program: what is for people goes to standard error. */
  isForPrograms: boolean
  isRepeated: boolean
}

/** A single run waits so long for receivers; one that was told to end, no longer than people wait after Ctrl-C. */
const waitMs = { once: 10_000, repeated: 2_000 }

/** @throws UsageError where the file is wrong, a variable is missing, or another monitor uses the folder */
export async function openMonitorAlerts(
  { alert, alertFolder, isForPrograms, isRepeated }: Wanted,
  { config, terminal }: CommandContext,
): Promise<MonitorAlerts> {
  const alerts = await openAlerts(alert, {
    metrics,
    variables: (name) => config.variable(name),
    folder: alertFolder,
    out: (text) => (isForPrograms ? terminal.err(text) : terminal.out(text)),
    onLine: (line) => terminal.err(`${line}\n`),
  })
  let last: readonly AlertState[] = []
  return {
    async onRound(measurements, takenAt, { skipped, outage }) {
      const reasons = new Map(skipped.map(({ id, reason }) => [id, `skipped: ${reason}`]))
      const missing = outage === undefined ? undefined : 'the database did not answer'
      last = await alerts.observe(measurements, takenAt, { reasons, missing })
    },
    states: () => last,
    exitCode: () =>
      last.some(({ state, silenced }) => state === 'firing' && !silenced)
        ? exitCodes.conditionFailed
        : exitCodes.done,
    close: () => alerts.close({ waitMs: isRepeated ? waitMs.repeated : waitMs.once }),
  }
}
