import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { severities } from './file/schema.ts'
import type { NotificationKind, SeriesState, Told } from './judge/judgeSeries.ts'
import type { Series } from './judge/judgeRound.ts'
import { ofSeriesKey } from './judge/judgeRound.ts'
import { thresholdOf } from './file/thresholdOf.ts'
import { quantityText, units } from './quantity.ts'

/** What receivers are told: made once, kept as it is until every receiver has it. */
export const notificationSchema = z.strictObject({
  /** The same however often it is sent: receivers drop doubles by it. */
  uuid: z.string(),
  /** Counts all notifications of this state folder. */
  sequence: z.number(),
  kind: z.enum(['firing', 'repeated', 'recovered']),
  at: z.string(),
  alert: z.string(),
  series: z.string(),
  title: z.string(),
  text: z.string(),
  severity: z.enum(severities),
  metric: z.string(),
  labels: z.record(z.string(), z.string()),
  value: z.number().nullable(),
  threshold: z.number(),
  unit: z.enum(units),
  since: z.string(),
})

export type Notification = z.infer<typeof notificationSchema>

/** What receivers that keep fields are told beside the text. */
export function detailsOf(notification: Notification) {
  const { alert, severity, metric, labels, value, threshold, unit, since } = notification
  return { alert, severity, metric, labels, value, threshold, unit, since }
}

/** What a notification adds to its series: its number, and the wall clock. */
export interface Stamp {
  sequence: number
  at: string
}

/** Puts into words what a series has become. */
export function notificationOf(series: Series, kind: NotificationKind, stamp: Stamp): Notification {
  const { rule, labels, state, key } = series
  const { title, severity, metric, threshold, unit } = toldOf(series, [])
  return {
    uuid: randomUUID(),
    ...stamp,
    kind,
    alert: rule.id,
    series: key,
    title,
    text: `${words[kind]} (${severity}): ${title}\n${figures(series)}`,
    severity,
    metric,
    labels,
    value: state.value,
    threshold,
    unit,
    since: state.since,
  }
}

/** Says of an alert that receivers were told of, and that the file has no more, that it is over. */
export function notificationOfTakenOut(
  key: string,
  state: SeriesState,
  told: Told,
  stamp: Stamp,
): Notification {
  const { alert, labels } = ofSeriesKey(key)
  const { title, severity, metric, threshold, unit } = told
  return {
    uuid: randomUUID(),
    ...stamp,
    kind: 'recovered',
    alert,
    series: key,
    title,
    text: `${words.recovered} (${severity}): ${title}\nthe file of alerts does not have it any more`,
    ...{ severity, metric, labels, value: state.value, threshold, unit, since: stamp.at },
  }
}

/** What is kept of a notification. */
export function toldOf({ rule }: Series, receivers: readonly string[]): Told {
  const { value, unit } = thresholdOf(rule)
  const { id, title = id, severity, metric } = rule
  return { title, severity, metric, threshold: value, unit, receivers: [...receivers] }
}

const words: Record<NotificationKind, string> = {
  firing: 'FIRING',
  repeated: 'STILL FIRING',
  recovered: 'RECOVERED',
}

function figures({ rule, labels, state, isAbsence, note }: Series): string {
  if (isAbsence) return note ?? `${rule.metric} has a value again`
  const limit = thresholdOf(rule)
  const named = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  const subject = [rule.metric, ...named].join(' ')
  const value = state.value === null ? 'has no value' : `is ${quantityText(state.value, limit.unit)}`
  const threshold = `alerts ${rule.above ? 'above' : 'below'} ${quantityText(limit.value, limit.unit)}`
  return `${subject} ${value} (${threshold}), since ${state.since}${note === undefined ? '' : `; ${note}`}`
}
