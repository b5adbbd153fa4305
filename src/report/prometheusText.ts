import type { MetricDefinition } from '../metrics/definition.ts'
import type { Measurement } from '../metrics/measurement.ts'
import { metrics } from '../metrics/registry.ts'

/** What a page of this text is served as. */
export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** Measurements in Prometheus's text format, in the order of the registry; per cent as ratios. */
export function prometheusText(measurements: readonly Measurement[]): string {
  const families = metrics.flatMap((metric) => {
    const own = measurements.filter(({ id, value }) => id === metric.id && Number.isFinite(value))
    return own.length === 0 ? [] : [familyText(metric, own)]
  })
  return families.join('\n')
}

function familyText({ prometheus, help, kind, unit }: MetricDefinition, own: Measurement[]): string {
  const type = kind === 'counter' ? 'counter' : 'gauge'
  const samples = own.map(({ value, labels }) => {
    const shown = unit === 'percent' ? value / 100 : value
    return `${prometheus}${labelsText(labels)} ${shown}\n`
  })
  return `# HELP ${prometheus} ${escapeHelp(help)}\n# TYPE ${prometheus} ${type}\n${samples.join('')}`
}

function labelsText(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}
