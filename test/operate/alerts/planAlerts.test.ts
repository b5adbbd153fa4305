import { appendFile, copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metrics } from '../../../src/metrics/registry.ts'
import type { Alerts } from '../../../src/operate/alerts/openAlerts.ts'
import { openAlerts } from '../../../src/operate/alerts/openAlerts.ts'
import { planAlertsPath } from '../../../src/operate/alerts/planAlerts.ts'
import { makeReaders } from '../../../src/operate/monitor/readers/index.ts'
import { takeRound } from '../../../src/operate/monitor/round.ts'
import { connect } from '../../../src/postgres/connect.ts'
import type { EmbeddedServer } from '../../../src/servers/embedded.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { HttpReceiver } from '../../support/httpReceiver.ts'
import { startHttpReceiver } from '../../support/httpReceiver.ts'

let server: EmbeddedServer
let folder: string
let prometheus: HttpReceiver
/** What the API takes, as Prometheus says it. */
let responseSeconds = 0.3
let alerts: Alerts
let monitor: Client
let application: Client
let told: string[]
let now = Date.parse('2027-01-01T12:00:00Z')

beforeAll(async () => {
  server = await startEmbedded({
    settings: { max_connections: '23', superuser_reserved_connections: '3', shared_buffers: '2MB' },
  })
  application = await connect(server.url())
  await application.query('CREATE TABLE small AS SELECT 1 AS id')
  // 30 MB, of which shared_buffers hold little.
  await application.query(
    "CREATE TABLE large AS SELECT repeat('x', 1000) AS filler FROM generate_series(1, 30000)",
  )
  await application.query('VACUUM ANALYZE large')
  monitor = await connect(server.url())
  prometheus = await startHttpReceiver((_, response) => {
    const value = [now / 1_000, String(responseSeconds)]
    const result = [{ metric: {}, value }]
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }))
  })
  folder = await mkdtemp(join(tmpdir(), 'plan-alerts-'))
  const file = join(folder, 'alerts.yaml')
  await copyFile(planAlertsPath, file)
  await appendFile(file, `\napi_response_time:\n  prometheus:\n    url: ${prometheus.url}\n`)
  told = []
  alerts = await openAlerts(file, {
    metrics,
    variables: () => undefined,
    folder: join(folder, 'state'),
    out: (text) => told.push(text),
    onLine: (line) => told.push(line),
    monotonicMs: () => now,
  })
})
afterAll(async () => {
  await alerts.close()
  await Promise.all([application.end(), monitor.end()])
  await prometheus.stop()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** A round as `monitor` takes it, a minute after the one before. */
async function round(load: () => Promise<unknown>): Promise<Record<string, string>> {
  await load()
  await application.query('SELECT pg_stat_force_next_flush()')
  now += 60_000
  const takenAt = new Date(now)
  const { measurements, skipped } = await takeRound(monitor, readers, takenAt)
  const reasons = new Map(skipped.map(({ id, reason }) => [id, reason]))
  const states = await alerts.observe(measurements, takenAt, { reasons })
  return Object.fromEntries(states.map(({ id, state }) => [id, state]))
}
const readers = makeReaders({ url: 'postgres://localhost/postgres', reports: tmpdir() })
const readLarge = () => application.query('SELECT count(*) FROM large')
const readSmall = () =>
  application.query('DO $$ BEGIN FOR time IN 1..50000 LOOP PERFORM id FROM small; END LOOP; END $$')

test("the plan's alerts fire on a database that is made to cause them, and recover when the cause is gone", async () => {
  expect(await round(readLarge)).toEqual({
    ...{ api_response_time: 'ok', database_connections: 'ok' },
    // The first round has none before it.
    cache_hit_ratio: 'unknown',
  })

  const clients = await Promise.all(Array.from({ length: 15 }, () => connect(server.url())))
  responseSeconds = 1.25
  const rounds: Record<string, string>[] = []
  for (let minute = 0; minute < 6; minute += 1) rounds.push(await round(readLarge))
  const history = (id: string) => rounds.map((states) => states[id])
  expect(history('database_connections')).toEqual(['pending', ...Array<string>(5).fill('firing')])
  expect(history('api_response_time')).toEqual(['pending', 'pending', ...Array<string>(4).fill('firing')])
  expect(history('cache_hit_ratio')).toEqual([...Array<string>(5).fill('pending'), 'firing'])

  await Promise.all(clients.map((client) => client.end()))
  responseSeconds = 0.4
  const recovered = await round(readSmall)
  expect(recovered).toEqual({
    ...{ api_response_time: 'recovered', database_connections: 'recovered', cache_hit_ratio: 'recovered' },
  })
  expect(await round(readSmall)).toEqual({
    ...{ api_response_time: 'ok', database_connections: 'ok', cache_hit_ratio: 'ok' },
  })

  await alerts.close({ waitMs: 5_000 })
  expect(told.map((line) => line.replace(/^\S+ /, '').replace(/:\s[a-z_]+ .*\n$/s, ''))).toEqual([
    'FIRING (critical): Alert if database connections >80%',
    'FIRING (warning): Alert if API response time >1s',
    'FIRING (warning): Alert if cache hit ratio <95%',
    'RECOVERED (warning): Alert if API response time >1s',
    'RECOVERED (critical): Alert if database connections >80%',
    'RECOVERED (warning): Alert if cache hit ratio <95%',
  ])
  expect(told[0]).toMatch(/connection_usage of=server is 8\d %|connection_usage of=server is 8\d\.\d %/)
})
