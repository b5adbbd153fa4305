import { groupBy } from '../groupBy.ts'
import type { MetricDefinition, Target } from '../metrics/definition.ts'
import { meets } from '../metrics/definition.ts'
import type { Measurement } from '../metrics/measurement.ts'
import { metrics } from '../metrics/registry.ts'
import type { AlertState } from '../operate/alerts/rounds.ts'
import type { Verdict } from '../operate/monitor/reader.ts'
import type { Round } from '../operate/monitor/round.ts'
import { alertsText } from './alerts.ts'
import { textTable } from './textTable.ts'
import { bytes, duration } from './units.ts'

/** What people read: figures with a target first, then the rest, then what could not be read. */
export function monitorText(round: Round, alerts: readonly AlertState[] = []): string {
  if (round.outage !== undefined) return `The database did not answer: ${round.outage}`
  const rows = metrics.flatMap((metric) =>
    round.measurements.filter(({ id }) => id === metric.id).map((measurement) => ({ metric, measurement })),
  )
  const judged = rows.filter(({ metric }) => metric.target !== undefined)
  const others = rows.filter(({ metric, measurement }) => isWorthALine(metric, measurement))
  return [
    textTable(
      [
        { title: 'metric' },
        { title: 'value', align: 'right' },
        { title: 'target', align: 'right' },
        { title: '' },
      ],
      judged.map(({ metric, measurement }) => [
        nameOf(measurement),
        valueText(measurement),
        metric.target ? targetText(metric.target, metric) : '',
        verdictText(metric, measurement, round.verdicts),
      ]),
    ),
    textTable(
      [{ title: 'metric' }, { title: 'value', align: 'right' }],
      others.map(({ measurement }) => [nameOf(measurement), valueText(measurement)]),
    ),
    skippedText(round),
    alertsText(alerts),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

/** The body of the JSON document. */
export function monitorJson(
  { measurements, skipped, outage }: Round,
  alerts: readonly AlertState[] = [],
): object {
  return {
    metrics: measurements.map(({ id, value, unit, labels }) => ({ id, value, unit, labels })),
    alerts,
    skipped,
    ...(outage === undefined ? {} : { outage }),
  }
}

/** What is skipped has lines of its own, statements have no text here, and a state that nobody is in says nothing. */
function isWorthALine({ id, target, labels }: MetricDefinition, { value }: Measurement): boolean {
  if (target !== undefined || id === 'metric_skipped' || labels.includes('queryid')) return false
  return value !== 0 || !(labels.includes('state') || labels.includes('mode'))
}

/** `sessions {state="idle"}`; the database is the same in every line. */
function nameOf({ id, labels }: Measurement): string {
  const shown = Object.entries(labels).filter(([name]) => name !== 'datname')
  if (shown.length === 0) return id
  return `${id} {${shown.map(([name, value]) => `${name}="${value}"`).join(', ')}}`
}

function valueText({ id, value, unit }: Measurement): string {
  if (id === 'server_started_at') return new Date(value * 1_000).toISOString()
  switch (unit) {
    case 'percent':
      return `${Number(value.toFixed(2))} %`
    case 'seconds':
      return duration(value * 1_000)
    case 'bytes':
      return bytes(value)
    case 'per_second':
      return `${Number(value.toPrecision(3)).toLocaleString('en-US')} /s`
    case 'count':
      return value.toLocaleString('en-US')
  }
}

function targetText(target: Target, metric: MetricDefinition): string {
  const [word, value] =
    'least' in target
      ? ['at least', target.least]
      : 'below' in target
        ? ['below', target.below]
        : ['at most', target.most]
  return `${word} ${valueText({ id: metric.id, value, unit: metric.unit, labels: {} })}`
}

function verdictText({ id, target }: MetricDefinition, { value }: Measurement, verdicts: Verdict[]): string {
  const verdict = verdicts.find((each) => each.id === id)
  const met = verdict ? verdict.met : target && meets(value, target)
  const word = met === undefined ? 'not judged' : met ? 'met' : 'not met'
  return verdict && met !== true ? `${word}: ${verdict.note}` : word
}

function skippedText({ skipped }: Round): string {
  const reasons = groupBy(skipped, ({ reason }) => reason)
  return [...reasons]
    .map(([reason, all]) => `skipped: ${all.map(({ id }) => id).join(', ')}: ${reason}`)
    .join('\n')
}
