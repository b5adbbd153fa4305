import type { Unit } from '../../../metrics/measurement.ts'
import type { AlertRule, Severity } from '../file/schema.ts'

/** `unknown` has never had a value; `recovered` is told in one round, and the next one says `ok`. */
export type AlertStateName = 'unknown' | 'ok' | 'pending' | 'firing' | 'recovered'

/** What is kept of one alert and one set of labels, in memory and on disk. */
export interface SeriesState {
  state: AlertStateName
  /** When the state began, by the wall clock: for people. Durations are counted by `heldMs`. */
  since: string
  /** The last value that was seen; null where there was none. */
  value: number | null
  /** How long the threshold has been exceeded without a break, in rounds that had a value. */
  heldMs: number
  /** How long there has been no value. */
  absentMs: number
  /** What receivers were told last, if that was that it fires. */
  told: Told | null
  /** How long ago they were told; decides when `repeat` is due. */
  toldMs: number
}

/** What is needed to say that an alert is over when the file has it no more. */
export interface Told {
  title: string
  severity: Severity
  metric: string
  threshold: number
  unit: Unit
  receivers: string[]
}

export const newSeries = (since: string): SeriesState => ({
  state: 'unknown',
  since,
  value: null,
  heldMs: 0,
  absentMs: 0,
  told: null,
  toldMs: 0,
})

/** What one round brings for a series. */
export interface Look {
  /** Undefined where the metric has no value in this round. */
  value: number | undefined
  /** Since the round before, by a clock that is never set. */
  elapsedMs: number
  /** The wall clock. */
  at: string
}

type Thresholds = Pick<AlertRule, 'above' | 'below' | 'recover' | 'for'>

/**
 * The state after a round. Pure: it reads no clock.
 *
 *     ok -> pending    the threshold is exceeded, and `for` has not passed yet
 *     ok, pending -> firing    it has been exceeded for `for` without a break
 *     pending -> ok    it is no longer exceeded
 *     firing -> recovered -> ok    the value is at `recover` or better; at the threshold where there is no `recover`
 *
 * Without a value everything stays as it was, and the time does not count.
 */
export function judgeSeries(before: SeriesState, rule: Thresholds, look: Look): SeriesState {
  const known = { ...before, toldMs: before.toldMs + look.elapsedMs }
  // A clock that was set back must not leave a state that begins in the future.
  if (known.since > look.at) known.since = look.at
  if (look.value === undefined) return { ...known, absentMs: before.absentMs + look.elapsedMs }

  const { value } = look
  const hadValue = before.state !== 'unknown' && before.absentMs === 0
  const wasExceeded = before.state === 'pending' || before.state === 'firing'
  const seen = {
    ...known,
    value,
    absentMs: 0,
    heldMs: before.heldMs + (hadValue && wasExceeded ? look.elapsedMs : 0),
  }
  const become = (state: AlertStateName, heldMs = 0): SeriesState =>
    state === before.state ? { ...seen, heldMs } : { ...seen, state, heldMs, since: look.at }

  if (before.state === 'firing')
    return isClear(rule, value) ? become('recovered') : become('firing', seen.heldMs)
  if (!isExceeded(rule, value)) return become('ok')
  const heldMs = before.state === 'pending' ? seen.heldMs : 0
  return become(heldMs >= rule.for ? 'firing' : 'pending', heldMs)
}

/** Exactly at the threshold is not exceeded: the plan says >80 % and <95 %. */
function isExceeded({ above, below }: Thresholds, value: number): boolean {
  return above ? value > above.value : below !== undefined && value < below.value
}

function isClear({ above, below, recover }: Thresholds, value: number): boolean {
  const limit = recover ?? above ?? below
  if (!limit) return true
  return above ? value <= limit.value : value >= limit.value
}

export type NotificationKind = 'firing' | 'repeated' | 'recovered'

/**
 * What receivers have to be told now. It goes by what they were told last, so that a silence, a restart or a full queue
 * only delays it: whatever still holds then is told then.
 */
export function dueNotification(
  { state, told, toldMs }: SeriesState,
  { repeat }: Pick<AlertRule, 'repeat'>,
  isSilenced: boolean,
): NotificationKind | undefined {
  if (isSilenced) return undefined
  if (state === 'firing' && told === null) return 'firing'
  if (state === 'firing' && repeat !== undefined && toldMs >= repeat) return 'repeated'
  if (state !== 'firing' && told !== null) return 'recovered'
  return undefined
}

/** The state once the notification is safely queued. */
export function afterTelling(series: SeriesState, kind: NotificationKind, told: Told): SeriesState {
  return { ...series, told: kind === 'recovered' ? null : told, toldMs: 0 }
}
