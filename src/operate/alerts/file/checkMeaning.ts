import type { Unit } from '../../../metrics/measurement.ts'
import type { Quantity } from '../quantity.ts'
import { examples } from '../quantity.ts'
import { didYouMean } from './nearestName.ts'
import type { KnownMetric } from './readAlertFile.ts'
import type { AlertFile, AlertRule } from './schema.ts'

/** What is wrong though every key and value is well formed. */
export interface Problem {
  path: PropertyKey[]
  message: string
  /** The key is wrong, not its value. */
  isKey?: boolean
}

/** The first thing that does not fit together: names, units, thresholds. */
export function checkMeaning(file: AlertFile, metrics: readonly KnownMetric[]): Problem | undefined {
  const receivers = Object.keys(file.receivers)
  const ids = file.alerts.map(({ id }) => id)
  for (const [at, alert] of file.alerts.entries()) {
    const problem =
      (ids.indexOf(alert.id) < at
        ? { path: ['id'], message: `"${alert.id}" is there already` }
        : undefined) ??
      checkMetric(alert, metrics) ??
      checkThresholds(alert) ??
      checkNames(alert.receivers, receivers, 'receiver', ['receivers'])
    if (problem) return { ...problem, path: ['alerts', at, ...problem.path] }
  }
  for (const [at, silence] of file.silences.entries()) {
    const problem =
      checkNames(silence.alerts, ids, 'alert', ['alerts']) ??
      (!silence.hours && !silence.days && !silence.from && !silence.to
        ? { path: [], message: 'a silence needs hours, days, from or to' }
        : undefined) ??
      (silence.from !== undefined && silence.to !== undefined && silence.to < silence.from
        ? { path: ['to'], message: 'ends before it begins' }
        : undefined)
    if (problem) return { ...problem, path: ['silences', at, ...problem.path] }
  }
  const source = file.api_response_time
  if (source && (source.prometheus === undefined) === (source.posthog === undefined))
    return { path: ['api_response_time'], message: 'name one source: prometheus or posthog' }
  return undefined
}

function checkThresholds({ above, below, recover }: AlertRule): Problem | undefined {
  if (above && below)
    return { path: ['below'], isKey: true, message: 'an alert has above or below, not both' }
  const threshold = above ?? below
  if (!threshold) return { path: [], message: 'an alert needs above or below' }
  if (!recover) return undefined
  const isBeyond = above ? recover.value > above.value : below && recover.value < below.value
  if (!isBeyond) return undefined
  return {
    path: ['recover'],
    message: above
      ? 'lies above the threshold: the alert would end while it is still exceeded'
      : 'lies below the threshold: the alert would end while it is still missed',
  }
}

function checkMetric(alert: AlertRule, metrics: readonly KnownMetric[]): Problem | undefined {
  const known = metrics.find(({ id }) => id === alert.metric)
  if (!known) {
    const ids = metrics.map(({ id }) => id)
    return { path: ['metric'], message: `unknown metric "${alert.metric}"${didYouMean(alert.metric, ids)}` }
  }
  for (const key of ['above', 'below', 'recover'] as const) {
    const quantity = alert[key]
    if (quantity && quantity.unit !== known.unit) return { path: [key], message: unitText(quantity, known) }
  }
  return undefined
}

function unitText(quantity: Quantity, { id, unit }: KnownMetric): string {
  const names: Record<Unit, string> = {
    percent: 'per cent',
    seconds: 'a time',
    bytes: 'bytes',
    count: 'a number without a unit',
    per_second: 'a rate',
  }
  return `${id} is ${names[unit]}, such as ${examples[unit]}, not ${names[quantity.unit]}`
}

function checkNames(
  written: string[] | undefined,
  known: readonly string[],
  what: string,
  path: PropertyKey[],
): Problem | undefined {
  for (const [at, name] of (written ?? []).entries()) {
    if (!known.includes(name))
      return { path: [...path, at], message: `unknown ${what} "${name}"${didYouMean(name, known)}` }
  }
  return undefined
}
