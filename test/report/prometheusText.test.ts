import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import parsePrometheusTextFormat from 'parse-prometheus-text-format'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Measurement } from '../../src/metrics/measurement.ts'
import { metrics } from '../../src/metrics/registry.ts'
import type { MetricsServer } from '../../src/operate/monitor/metricsServer.ts'
import { serveMetrics } from '../../src/operate/monitor/metricsServer.ts'
import { makeReaders } from '../../src/operate/monitor/readers/index.ts'
import type { Round } from '../../src/operate/monitor/round.ts'
import { takeRound } from '../../src/operate/monitor/round.ts'
import { prometheusContentType, prometheusText } from '../../src/report/prometheusText.ts'
import { freePort } from '../../src/servers/freePort.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { engineIsMissing, programPath } from '../support/engines.ts'

let database: TestDatabase
let round: Round
let text: string
beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  const client = await database.connect()
  await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT count(*) FROM bookings')
  round = await takeRound(client, makeReaders({ url: database.url, reports: '/nonexistent' }), new Date())
  text = await prometheusText(round.measurements)
})
afterAll(() => database.drop())

test('a parser of the format reads back every measurement, with ratios for per cent', () => {
  const families = parsePrometheusTextFormat(text)
  const read = families.flatMap(({ name, metrics: samples }) =>
    samples.map(({ value, labels = {} }) => ({ name, value: Number(value), labels })),
  )
  expect(read.length).toBe(round.measurements.length)
  expect(read.length).toBeGreaterThan(80)
  for (const { id, value, unit, labels } of round.measurements) {
    const metric = metrics.find((each) => each.id === id)
    const expected = unit === 'percent' ? value / 100 : value
    expect(read).toContainEqual({ name: metric?.prometheus, value: expected, labels })
  }
  for (const { name, type, help } of families) {
    const metric = metrics.find(({ prometheus }) => prometheus === name)
    expect({ type, help }).toEqual({ type: metric?.kind.toUpperCase(), help: metric?.help })
  }
})

test('labels with quotes, backslashes and line ends are read back to the letter', async () => {
  const odd = 'public."a ""b"" \\ c\nd" ü'
  const measurement: Measurement = {
    ...{ id: 'sequence_usage', value: 50, unit: 'percent' },
    labels: { datname: 'app', sequence: odd },
  }
  const page = await prometheusText([measurement])
  expect(page).toContain(String.raw`public.\"a \"\"b\"\" \\ c\nd\" ü`)
  expect(page.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toHaveLength(1)
})

describe.skipIf(engineIsMissing('prometheus') || engineIsMissing('promtool'))('Prometheus itself', () => {
  test('promtool finds the page valid, and would only like another ending of names of postgres_exporter', () => {
    const { status, stdout, stderr } = spawnSync(programPath('promtool'), ['check', 'metrics'], {
      input: text,
    })
    const complaints = `${stdout.toString()}${stderr.toString()}`.split('\n').filter((line) => line !== '')
    const known = complaints.filter((line) =>
      /^pg_\w+ (counter metrics should have "_total"|non-histogram .* should not have "_count") suffix$/.test(
        line,
      ),
    )
    expect(complaints.filter((line) => !known.includes(line))).toEqual([])
    // 3: it has complaints, and could read everything.
    expect(status).toBe(3)
    const broken = spawnSync(programPath('promtool'), ['check', 'metrics'], { input: `${text}half a line{` })
    expect(broken.status).toBe(1)
  })

  test('it scrapes the endpoint and answers with the value', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'prometheus-'))
    let served: MetricsServer | undefined
    let prometheus: ReturnType<typeof spawn> | undefined
    try {
      served = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => ({
        contentType: prometheusContentType,
        text,
      }))
      const port = await freePort()
      writeFileSync(
        join(folder, 'prometheus.yml'),
        `scrape_configs:\n  - job_name: pg\n    scrape_interval: 1s\n    static_configs: [{ targets: ['${served.address}'] }]\n`,
      )
      prometheus = spawn(
        programPath('prometheus'),
        [
          `--config.file=${join(folder, 'prometheus.yml')}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        { stdio: 'ignore' },
      )
      const ask = async (query: string): Promise<[string | undefined, string][]> => {
        const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`
        const answer = (await (await fetch(url)).json()) as {
          data: { result: { metric: { datname?: string }; value: [number, string] }[] }
        }
        return answer.data.result.map(({ metric, value }) => [metric.datname, value[1]])
      }
      await expect
        .poll(() => ask('pg_up').catch(() => []), { timeout: 30_000, interval: 250 })
        .toEqual([[undefined, '1']])
      const commits = round.measurements.find(({ id }) => id === 'transactions_committed')?.value
      expect(await ask('pg_stat_database_xact_commit')).toEqual([[database.name, `${commits}`]])
      const [[, size] = []] = await ask('pg_database_size_bytes')
      expect(Number(size)).toBe(round.measurements.find(({ id }) => id === 'database_size')?.value)
      const [[, usage] = []] = await ask('max(hundredfold_connection_usage_ratio)')
      expect(Number(usage)).toBeLessThan(1)
    } finally {
      const ended = new Promise((resolve) => prometheus?.once('exit', resolve) ?? resolve(undefined))
      prometheus?.kill()
      await ended
      await served?.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }, 60_000)
})
