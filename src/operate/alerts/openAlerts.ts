import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Measurement } from '../../metrics/measurement.ts'
import { cannotWrite } from '../../wholeFile.ts'
import type { BackOff } from './deliver/backOff.ts'
import { receiverOf } from './deliver/receiver.ts'
import type { Sender } from './deliver/sender.ts'
import { startSender } from './deliver/sender.ts'
import { readAlertFile } from './file/readAlertFile.ts'
import type { KnownMetric } from './file/readAlertFile.ts'
import type { Variables } from './file/secrets.ts'
import { revealSecrets } from './file/secrets.ts'
import { lockFolder } from './folder/lock.ts'
import { openQueue } from './folder/queue.ts'
import { catchUp, readStates } from './folder/stateFile.ts'
import type { AlertState } from './rounds.ts'
import { Rounds } from './rounds.ts'
import { readResponseTime, responseTimeMetric } from './source/responseTime.ts'

export interface AlertOptions {
  /** The metrics of the registry, and their units. `api_response_time` is added here. */
  metrics: readonly KnownMetric[]
  /** Looks up what the file names as `${NAME}`: `config.variable`. */
  variables: Variables
  /** Where states and undelivered notifications are kept; one monitor at a time uses it. */
  folder?: string
  /** Standard output, for the receiver `stdout`. */
  out(text: string): void
  /** One line for people: a receiver is down or back, something is dropped. Never a secret. */
  onLine(line: string): void
  /** A request that takes longer counts as failed. */
  timeoutMs?: number
  backOff?: BackOff
  /** Notifications that may wait on disk. */
  mostWaiting?: number
  /** A clock that is never set, in milliseconds. */
  monotonicMs?: () => number
}

/** Why there is no value: of single metrics, and of all others. */
export interface WithoutValue {
  reasons?: ReadonlyMap<string, string>
  missing?: string | undefined
}

/** The alerts of a file, and the senders of its receivers. */
export interface Alerts {
  /**
   * Judges a round, keeps the states, and queues what receivers have to be told. It does not wait for receivers.
   *
   * @param without why metrics have no value in this round
   */
  observe(measurements: readonly Measurement[], takenAt: Date, without?: WithoutValue): Promise<AlertState[]>
  /**
   * Ends the senders. What has not been delivered stays on disk for the next start.
   *
   * @param options.waitMs how long receivers that can be reached may take for what is queued; not at all by default
   */
  close(options?: { waitMs?: number }): Promise<void>
}

/** A round waits for its source no longer than for the database. */
const sourceTimeoutMs = 5_000
export const defaultFolder = '.hundredfold/alerts'
const defaultBackOff: BackOff = { firstMs: 1_000, mostMs: 60_000 }

/**
 * Opens the alerts of a file.
 *
 * ```ts
 * const alerts = await openAlerts('alerts.yaml', { metrics, variables: config.variable, out, onLine })
 * const states = await alerts.observe(measurements, takenAt)
 * await alerts.close({ waitMs: 10_000 })
 * ```
 *
 * @throws UsageError where the file is wrong, a variable is missing, or another monitor uses the folder
 */
export async function openAlerts(path: string, options: AlertOptions): Promise<Alerts> {
  const { folder = defaultFolder, timeoutMs = 10_000, onLine } = options
  const file = await readAlertFile(path, [...options.metrics, responseTimeMetric])
  const reveal = revealSecrets(file, options.variables)
  await makeFolder(folder)
  const lock = await lockFolder(folder)
  try {
    const names = Object.keys(file.receivers)
    const most = options.mostWaiting ?? 10_000
    const onProblem = (line: string): void => onLine(`alerts: ${line}`)
    const kept = await readStates(folder)
    const queue = await openQueue(folder, { most, receivers: names, onProblem })
    const senders = Object.entries(file.receivers).map(([name, entry]) =>
      startSender({
        queue,
        receiver: receiverOf(name, entry, { reveal, timeoutMs, out: (text) => options.out(text) }),
        backOff: options.backOff ?? defaultBackOff,
        onLine,
      }),
    )
    const rounds = new Rounds({
      ...{ file, folder, queue, lock, onLine },
      kept: catchUp(kept, queue.found),
      wake: () => senders.forEach((sender) => sender.wake()),
      monotonicMs: options.monotonicMs ?? (() => performance.now()),
    })
    const closeAll = async (waitMs: number): Promise<void> => {
      if (waitMs > 0) await settle(senders, waitMs)
      await Promise.all(senders.map((sender) => sender.stop()))
      for (const name of names) tellLeftOver(name, queue.count(name), onLine)
      await queue.close()
      await lock.release()
    }
    let closing: Promise<void> | undefined
    return {
      async observe(measurements, takenAt, { reasons = new Map(), missing } = {}) {
        const isWanted = file.alerts.some(({ metric }) => metric === responseTimeMetric.id)
        const time = isWanted
          ? await readResponseTime(file.api_response_time, {
              reveal,
              timeoutMs: Math.min(timeoutMs, sourceTimeoutMs),
            })
          : undefined
        const all = time && 'measurement' in time ? [...measurements, time.measurement] : measurements
        const known = new Map(reasons)
        if (time && 'skipped' in time) known.set(responseTimeMetric.id, `skipped: ${time.skipped}`)
        const reasonOf = (metric: string) => known.get(metric) ?? missing ?? 'no value in this round'
        return rounds.observe(all, takenAt, reasonOf)
      },
      close({ waitMs = 0 } = {}) {
        closing ??= closeAll(waitMs)
        return closing
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** What is in the folder is of this machine, and belongs into no repository. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeFile(join(folder, '.gitignore'), '*\n')
  } catch (error) {
    throw cannotWrite(folder, error, '--alert-folder')
  }
}

async function settle(senders: readonly Sender[], waitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)))
  await Promise.race([Promise.all(senders.map((sender) => sender.settled())), late])
  clearTimeout(timer)
}

function tellLeftOver(
  name: string,
  { waiting, aside }: { waiting: number; aside: number },
  onLine: (line: string) => void,
): void {
  if (waiting + aside === 0) return
  onLine(`alerts: ${waiting + aside} for ${name} stay on disk; the next start sends them`)
}
