import type { Measurement, Unit } from '../../metrics/measurement.ts'
import { groupBy } from '../../groupBy.ts'
import { messageOf } from '../../errors.ts'
import type { AlertFile, Severity } from './file/schema.ts'
import { thresholdOf } from './file/thresholdOf.ts'
import type { FolderLock } from './folder/lock.ts'
import type { Outgoing, Queue } from './folder/queue.ts'
import type { KeptStates } from './folder/stateFile.ts'
import { writeStates } from './folder/stateFile.ts'
import type { AlertStateName, SeriesState } from './judge/judgeSeries.ts'
import { afterTelling, dueNotification } from './judge/judgeSeries.ts'
import type { Round, Series } from './judge/judgeRound.ts'
import { judgeAlert, ofSeriesKey } from './judge/judgeRound.ts'
import { isSilenced } from './judge/silence.ts'
import type { Stamp } from './notification.ts'
import { notificationOf, notificationOfTakenOut, toldOf } from './notification.ts'

/** One alert and one set of labels after a round, as JSON has it. */
export interface AlertState {
  id: string
  state: AlertStateName
  /** ISO 8601, UTC. */
  since: string
  /** The last value; null where there has been none. */
  value: number | null
  threshold: number
  unit: Unit
  labels: Record<string, string>
  severity: Severity
  /** Nothing is delivered now. */
  silenced: boolean
  /** Why there is no new value, where there is none. */
  note?: string
}

export interface RoundsOptions {
  file: AlertFile
  folder: string
  queue: Queue
  lock: FolderLock
  /** What the last process left. */
  kept: KeptStates
  wake(): void
  onLine(line: string): void
  monotonicMs(): number
}

/** Between two processes only the wall clock tells how long it was, and that may have been set: no more than that counts. */
export const longestGapMs = 2 * 3_600_000

/** Judges one round after the other, and keeps what has to outlive the process. */
export class Rounds {
  private readonly options: RoundsOptions
  private kept: KeptStates
  /** By the clock that is never set; undefined before the first round of this process. */
  private lastRoundMs: number | undefined
  private last: Promise<unknown> = Promise.resolve()
  private readonly problems = new Map<string, string | undefined>()

  constructor(options: RoundsOptions) {
    this.options = options
    this.kept = options.kept
  }

  /** Rounds follow each other, even if somebody asks for the next one too early. */
  observe(
    measurements: readonly Measurement[],
    takenAt: Date,
    reasonOf: (metric: string) => string,
  ): Promise<AlertState[]> {
    const round = this.last.then(() => this.judge(measurements, takenAt, reasonOf))
    this.last = round.catch(() => undefined)
    return round
  }

  private async judge(
    measurements: readonly Measurement[],
    takenAt: Date,
    reasonOf: (metric: string) => string,
  ): Promise<AlertState[]> {
    const { file, folder, lock, queue, wake } = this.options
    await lock.confirm()
    const at = takenAt.toISOString()
    const round: Round = {
      measurements: groupBy(measurements, ({ id }) => id),
      ...{ reasonOf, at, elapsedMs: this.elapsedMs(takenAt) },
    }
    const before = groupBy(this.kept.series, ([key]) => ofSeriesKey(key).alert)
    const series = file.alerts.flatMap((rule) => judgeAlert(rule, new Map(before.get(rule.id)), round))
    const takenOut = this.takenOut()
    const words = [...this.due(series, takenAt), ...this.endings(takenOut)]
    const outgoing = words.map(({ outgoing: make }, at) =>
      make({ sequence: this.kept.sequence + at + 1, at: round.at }),
    )
    const isKept =
      outgoing.length === 0 || (await this.attempt('queue notifications', () => queue.add(outgoing)))
    const states = new Map([...takenOut, ...series.map(({ key, state }) => [key, state] as const)])
    if (isKept) {
      for (const { key, after } of words) {
        if (after) states.set(key, after)
        else states.delete(key)
      }
    }
    const sequence = this.kept.sequence + (isKept ? words.length : 0)
    this.kept = { roundAt: at, series: states, sequence }
    await this.attempt('keep the states of alerts', async () => {
      await writeStates(folder, this.kept)
      await queue.tidy()
      return true
    })
    wake()
    return series.map((each) => stateOf(each, isSilenced(file.silences, each.rule.id, takenAt)))
  }

  private elapsedMs(takenAt: Date): number {
    const now = this.options.monotonicMs()
    const before = this.lastRoundMs
    this.lastRoundMs = now
    if (before !== undefined) return Math.max(0, now - before)
    const { roundAt } = this.kept
    const byClock = roundAt === undefined ? 0 : takenAt.getTime() - Date.parse(roundAt)
    return Math.min(Math.max(0, byClock), longestGapMs)
  }

  /** What receivers have to be told of the alerts in the file. */
  private due(all: readonly Series[], takenAt: Date): Word[] {
    const { file } = this.options
    const everybody = Object.keys(file.receivers)
    return all.flatMap((series): Word[] => {
      const silenced = isSilenced(file.silences, series.rule.id, takenAt)
      const kind = dueNotification(series.state, series.rule, silenced)
      if (kind === undefined) return []
      const receivers = series.rule.receivers ?? everybody
      return [
        {
          key: series.key,
          outgoing: (stamp) => ({ notification: notificationOf(series, kind, stamp), receivers }),
          after: afterTelling(series.state, kind, toldOf(series, receivers)),
        },
      ]
    })
  }

  /** Receivers that know of an alert which the file has no more are told that it is over. */
  private endings(takenOut: readonly (readonly [string, SeriesState])[]): Word[] {
    const names = Object.keys(this.options.file.receivers)
    return takenOut.flatMap(([key, state]): Word[] => {
      const { told } = state
      if (!told) return []
      const receivers = told.receivers.filter((name) => names.includes(name))
      return [
        {
          key,
          outgoing: (stamp) => ({ notification: notificationOfTakenOut(key, state, told, stamp), receivers }),
          after: undefined,
        },
      ]
    })
  }

  /** Series that receivers were told of, and whose alert the file has no more. */
  private takenOut(): [string, SeriesState][] {
    const ids = new Set(this.options.file.alerts.map(({ id }) => id))
    return [...this.kept.series].filter(
      ([key, { told }]) => told !== null && !ids.has(ofSeriesKey(key).alert),
    )
  }
  /** Does what may fail for lack of disk. It is told once, and tried again in the next round. */
  private async attempt(what: string, work: () => Promise<boolean>): Promise<boolean> {
    let problem: string | undefined
    try {
      if (!(await work())) problem = 'too many wait to be delivered.'
    } catch (error) {
      problem = messageOf(error)
    }
    if (problem !== undefined && problem !== this.problems.get(what))
      this.options.onLine(`alerts: cannot ${what}: ${problem} It is tried again in each round.`)
    this.problems.set(what, problem)
    return problem === undefined
  }
}

/** Something that receivers are to be told, and the state of its series once it is queued; no state ends the series. */
interface Word {
  key: string
  outgoing(stamp: Stamp): Outgoing
  after: SeriesState | undefined
}

function stateOf({ rule, state, labels, note }: Series, silenced: boolean): AlertState {
  const limit = thresholdOf(rule)
  return {
    id: rule.id,
    state: state.state,
    since: state.since,
    value: state.value,
    threshold: limit.value,
    unit: limit.unit,
    labels,
    severity: rule.severity,
    silenced,
    ...(note === undefined ? {} : { note }),
  }
}
