import type { Measurement, Unit } from '../../../metrics/measurement.ts'
import type { AlertRule } from '../file/schema.ts'
import { durationText } from '../quantity.ts'
import type { SeriesState } from './judgeSeries.ts'
import { judgeSeries, newSeries } from './judgeSeries.ts'

/** One alert and one set of labels: it has a state of its own. */
export interface Series {
  key: string
  rule: AlertRule
  labels: Record<string, string>
  state: SeriesState
  /** Whether this is about the metric having no value at all. */
  isAbsence: boolean
  /** Why there is no new value, where there is none. */
  note: string | undefined
}

/** What a round has brought. */
export interface Round {
  /** By metric. */
  measurements: ReadonlyMap<string, readonly Measurement[]>
  /** Why a metric has no value in this round. */
  reasonOf(metric: string): string
  at: string
  /** Since the round before. */
  elapsedMs: number
}

/** More sets of labels than that are a mistake in the file, and would make every round larger. */
export const mostSeries = 100
/** A set of labels that is gone for so long, while others have values, is forgotten: its object was dropped or renamed. */
export const forgottenAfterMs = 24 * 3_600_000

/**
 * Judges one alert: each set of labels that the metric has now or had before.
 *
 * @param before what is kept of this alert's series, by key
 * @returns its series, the ones that have no value any more too; never empty
 */
export function judgeAlert(
  rule: AlertRule,
  before: ReadonlyMap<string, SeriesState>,
  round: Round,
): Series[] {
  const wanted = Object.entries(rule.labels)
  const matching = (round.measurements.get(rule.metric) ?? []).filter(
    ({ labels, value: measured }) =>
      Number.isFinite(measured) && wanted.every(([name, value]) => labels[name] === value),
  )
  const present = matching
    .slice(0, mostSeries)
    .map(({ labels, value }) => seriesOf(rule, labels, value, before, round))
  const surplus = matching.length - present.length
  const note = round.reasonOf(rule.metric)
  const missing = missingKeys(before, present)
    .map((labels) => ({ ...seriesOf(rule, labels, undefined, before, round), note }))
    .map((series) => (present.length > 0 ? forgotten(series, round.at) : series))
    .filter(({ state }) => present.length === 0 || isWorthKeeping(state))
    .slice(0, mostSeries)
  const all = [...present, ...missing]
  const [first] = all
  if (first && surplus > 0)
    first.note = `${surplus} more sets of labels are not looked at: name labels in the alert`
  if (!first) all.push({ ...seriesOf(rule, rule.labels, undefined, before, round), note })
  return rule.absent === undefined
    ? all
    : [...all, absence(rule, rule.absent, present.length > 0, before, round)]
}

/** The key of a series: the alert, and its labels in a fixed order. */
export function seriesKey(alert: string, labels: Record<string, string>): string {
  return JSON.stringify([alert, ...Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1))])
}

/** The alert and the labels of a key; no labels for the key of an absence. */
export function ofSeriesKey(key: string): {
  alert: string
  labels: Record<string, string>
  isAbsence: boolean
} {
  const [alert, ...rest] = JSON.parse(key) as [string, ...(string | [string, string])[]]
  const labels = rest.filter((each) => typeof each !== 'string')
  return { alert, labels: Object.fromEntries(labels), isAbsence: labels.length < rest.length }
}

const unitOfAbsence: Unit = 'seconds'

function seriesOf(
  rule: AlertRule,
  labels: Record<string, string>,
  value: number | undefined,
  before: ReadonlyMap<string, SeriesState>,
  { at, elapsedMs }: Round,
): Series {
  const key = seriesKey(rule.id, labels)
  const state = judgeSeries(before.get(key) ?? newSeries(at), rule, { value, elapsedMs, at })
  return { key, rule, labels, state, isAbsence: false, note: undefined }
}

function missingKeys(
  before: ReadonlyMap<string, SeriesState>,
  present: readonly Series[],
): Record<string, string>[] {
  const seen = new Set(present.map(({ key }) => key))
  return [...before.keys()]
    .filter((key) => !seen.has(key))
    .map(ofSeriesKey)
    .filter(({ isAbsence }) => !isAbsence)
    .map(({ labels }) => labels)
}

function isWorthKeeping({ state, told }: SeriesState): boolean {
  return state === 'firing' || state === 'pending' || told !== null
}

function forgotten(series: Series, at: string): Series {
  const { state } = series
  if (state.absentMs < forgottenAfterMs || !isWorthKeeping(state)) return series
  return {
    ...series,
    state: { ...state, state: 'recovered', since: at, heldMs: 0 },
    note: `no value for ${durationText(forgottenAfterMs)}: not looked at any more`,
  }
}

/** The series about a metric that has no value: its value is how long, in seconds. */
function absence(
  rule: AlertRule,
  absentAfterMs: number,
  hasValue: boolean,
  before: ReadonlyMap<string, SeriesState>,
  { at, elapsedMs }: Round,
): Series {
  const key = JSON.stringify([rule.id, 'absent'])
  const old = before.get(key) ?? newSeries(at)
  const absentMs = hasValue ? 0 : old.absentMs + elapsedMs
  const threshold = { value: absentAfterMs / 1_000, unit: unitOfAbsence }
  const thresholds = { above: threshold, recover: { value: 0, unit: unitOfAbsence }, for: 0 }
  const judged = judgeSeries({ ...old, absentMs: 0 }, thresholds, { value: absentMs / 1_000, elapsedMs, at })
  return {
    key,
    rule: { ...rule, ...thresholds, below: undefined },
    labels: {},
    state: { ...judged, absentMs },
    isAbsence: true,
    note: hasValue ? undefined : `${rule.metric} has had no value for ${durationText(absentMs)}`,
  }
}
