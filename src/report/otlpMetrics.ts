import type { Resource } from '@opentelemetry/resources'
import type { DataPoint, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { groupBy } from '../groupBy.ts'
import type { MetricDefinition, OtelName } from '../metrics/definition.ts'
import type { Measurement, Unit } from '../metrics/measurement.ts'
import { metrics } from '../metrics/registry.ts'
import type { Round } from '../operate/monitor/round.ts'

/** OpenTelemetry's SDK, which is loaded only by those who use it. */
export type MetricsSdk = Pick<
  typeof import('@opentelemetry/sdk-metrics'),
  'AggregationTemporality' | 'DataPointType'
>

/** Labels that OpenTelemetry knows under another name. */
const attributeNames: Record<string, string> = {
  datname: 'db.namespace',
  user: 'postgresql.rolname',
  queryid: 'postgresql.queryid',
  client_addr: 'replication_client',
}

const units: Record<Unit, string> = {
  percent: '1',
  seconds: 's',
  bytes: 'By',
  count: '1',
  per_second: '{call}/s',
}

/** As the enumeration ValueType of OpenTelemetry's API numbers them. */
const valueTypes = { int: 0, double: 1 } as const

/** A round as OpenTelemetry's exporters take it: sums since the reset of the counters, per cent as ratios. */
export function otlpMetrics(round: Round, resource: Resource, sdk: MetricsSdk): ResourceMetrics {
  const named = groupBy(metrics, (metric) => otelNameOf(metric).name)
  return {
    resource,
    scopeMetrics: [
      {
        scope: { name: 'hundredfold' },
        metrics: [...named.values()].flatMap((group) => metricData(group, round, sdk)),
      },
    ],
  }
}

/** Its name for OpenTelemetry: one of theirs, else ours. */
export function otelNameOf({ id, unit, otel }: MetricDefinition): OtelName {
  return otel ?? { name: `hundredfold.${id}`, unit: units[unit] }
}

function metricData(
  group: [MetricDefinition, ...MetricDefinition[]],
  round: Round,
  sdk: MetricsSdk,
): MetricData[] {
  const [first] = group
  const isCounter = first.kind === 'counter'
  const since = isCounter ? (round.countersSince ?? round.takenAt) : round.takenAt
  const dataPoints = group.flatMap((metric) =>
    round.measurements
      .filter(({ id }) => id === metric.id)
      .map((measurement) => dataPoint(metric, measurement, since, round.takenAt)),
  )
  if (dataPoints.length === 0) return []
  const { name, unit, isSum } = otelNameOf(first)
  const isWhole =
    ['count', 'bytes'].includes(first.unit) && dataPoints.every(({ value }) => Number.isSafeInteger(value))
  const shared = {
    descriptor: {
      ...{ name, unit, description: first.help },
      valueType: isWhole ? valueTypes.int : valueTypes.double,
    },
    aggregationTemporality: sdk.AggregationTemporality.CUMULATIVE,
    dataPoints,
  }
  return isCounter || isSum
    ? [{ ...shared, dataPointType: sdk.DataPointType.SUM, isMonotonic: isCounter }]
    : [{ ...shared, dataPointType: sdk.DataPointType.GAUGE }]
}

function dataPoint(
  metric: MetricDefinition,
  { value, labels }: Measurement,
  since: Date,
  takenAt: Date,
): DataPoint<number> {
  const { labels: renamed = {}, attributes = {} } = otelNameOf(metric)
  return {
    value: metric.unit === 'percent' ? value / 100 : value,
    startTime: timeOf(since),
    endTime: timeOf(takenAt),
    attributes: {
      ...Object.fromEntries(
        Object.entries(labels).map(([name, text]) => [renamed[name] ?? attributeNames[name] ?? name, text]),
      ),
      ...attributes,
    },
  }
}

/** Seconds and nanoseconds. */
function timeOf(date: Date): [number, number] {
  const ms = date.getTime()
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000]
}
