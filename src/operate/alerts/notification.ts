import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { severities } from './file/schema.ts'
import type { NotificationKind } from './judge/judgeSeries.ts'
import type { Series } from './judge/judgeRound.ts'
import { quantityText } from './quantity.ts'

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
  unit: z.string(),
  since: z.string(),
})

export type Notification = z.infer<typeof notificationSchema>

/** Puts into words what a series has become. */
export function notificationOf(
  series: Series,
  kind: NotificationKind,
  { sequence, at }: { sequence: number; at: string },
): Notification {
  const { rule, labels, state, key } = series
  const limit = rule.above ?? rule.below
  if (!limit) throw new Error(`the alert ${rule.id} has no threshold`)
  const title = rule.title ?? rule.id
  return {
    uuid: randomUUID(),
    sequence,
    kind,
    at,
    alert: rule.id,
    series: key,
    title,
    text: `${words[kind]} (${rule.severity}): ${title}\n${figures(series, limit)}`,
    severity: rule.severity,
    metric: rule.metric,
    labels,
    value: state.value,
    threshold: limit.value,
    unit: limit.unit,
    since: state.since,
  }
}

const words: Record<NotificationKind, string> = {
  firing: 'FIRING',
  repeated: 'STILL FIRING',
  recovered: 'RECOVERED',
}

function figures(
  { rule, labels, state, isAbsence, note }: Series,
  limit: NonNullable<Series['rule']['above']>,
): string {
  if (isAbsence) return note ?? `${rule.metric} has a value again`
  const named = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  const subject = [rule.metric, ...named].join(' ')
  const value = state.value === null ? 'has no value' : `is ${quantityText(state.value, limit.unit)}`
  const side = rule.above ? 'above' : 'below'
  const threshold = `alerts ${side} ${quantityText(limit.value, limit.unit)}`
  return `${subject} ${value} (${threshold}), since ${state.since}${note === undefined ? '' : `; ${note}`}`
}
