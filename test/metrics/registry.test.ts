import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findMetric, metrics } from '../../src/metrics/registry.ts'
import { otelNameOf } from '../../src/report/otlpMetrics.ts'

const docs = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

test('each metric has an id and a Prometheus name of its own', () => {
  for (const names of [metrics.map(({ id }) => id), metrics.map(({ prometheus }) => prometheus)]) {
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
  }
  for (const metric of metrics) expect(findMetric(metric.id)).toBe(metric)
})

test('names of our own say their unit as Prometheus wants it', () => {
  const ours = metrics.filter(({ prometheus }) => prometheus.startsWith('hundredfold_'))
  const endings = { percent: /_ratio(_recent)?$/, seconds: /_seconds$/, bytes: /_bytes(_total)?$/ }
  for (const { prometheus, unit, kind } of ours) {
    if (unit in endings) expect(prometheus).toMatch(endings[unit as keyof typeof endings])
    expect(prometheus.endsWith('_total')).toBe(kind === 'counter')
  }
})

test('metrics that share a name of OpenTelemetry differ by an attribute and agree in the rest', () => {
  const named = metrics.map((metric) => ({ metric, otel: otelNameOf(metric) }))
  for (const { metric, otel } of named) {
    const others = named.filter((other) => other.otel.name === otel.name && other.metric !== metric)
    for (const other of others) {
      expect(other.metric).toMatchObject({ kind: metric.kind, unit: metric.unit })
      expect(other.otel.unit).toBe(otel.unit)
      expect(other.otel.attributes).not.toEqual(otel.attributes)
    }
  }
})

test('docs/monitor.md lists every metric as the registry has it, and no other', () => {
  const rows = docs('monitor.md').match(/^\| `[a-z0-9_]+` .*$/gm) ?? []
  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  expect(cells).toEqual(
    metrics.map((metric) => [
      `\`${metric.id}\``,
      metric.help,
      `\`${metric.prometheus}${metric.labels.length > 0 ? `{${metric.labels.join(', ')}}` : ''}\``,
      `\`${otelNameOf(metric).name}\``,
    ]),
  )
})

test('the dashboard asks only for metrics that there are', () => {
  const { panels } = JSON.parse(docs('grafana-dashboard.json')) as {
    panels: { title: string; targets?: { expr: string }[] }[]
  }
  const known = new Set(metrics.map(({ prometheus }) => prometheus))
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  expect(expressions.length).toBeGreaterThan(10)
  for (const expression of expressions) {
    const names = expression.match(/\b(pg|hundredfold)_[a-z0-9_]+/g) ?? []
    expect(names, expression).not.toEqual([])
    expect(names.filter((name) => !known.has(name))).toEqual([])
  }
})
