import { Counter, Gauge, Registry } from 'prom-client'
import type { MetricDefinition } from '../metrics/definition.ts'
import type { Measurement } from '../metrics/measurement.ts'
import { metrics } from '../metrics/registry.ts'

/** What a page of this text is served as. */
export const prometheusContentType = Registry.PROMETHEUS_CONTENT_TYPE

/** Measurements in Prometheus's text format, in the order of the registry; per cent as ratios. */
export async function prometheusText(measurements: readonly Measurement[]): Promise<string> {
  const registry = new Registry()
  for (const metric of metrics) {
    const own = measurements.filter(({ id, value }) => id === metric.id && Number.isFinite(value))
    if (own.length === 0) continue
    const set = setterOf(metric, registry)
    for (const { value, labels } of own) set(labels, metric.unit === 'percent' ? value / 100 : value)
  }
  return registry.metrics()
}

function setterOf(
  { prometheus, help, labels, kind }: MetricDefinition,
  registry: Registry,
): (labels: Record<string, string>, value: number) => void {
  const configuration = { name: prometheus, help, labelNames: labels, registers: [registry] }
  if (kind === 'counter') {
    const counter = new Counter(configuration)
    return (values, value) => counter.inc(values, value)
  }
  const gauge = new Gauge(configuration)
  return (values, value) => gauge.set(values, value)
}
