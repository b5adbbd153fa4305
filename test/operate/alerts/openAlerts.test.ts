import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Measurement } from '../../../src/metrics/measurement.ts'
import type { AlertOptions, Alerts } from '../../../src/operate/alerts/openAlerts.ts'
import { openAlerts } from '../../../src/operate/alerts/openAlerts.ts'
import type { HttpReceiver } from '../../support/httpReceiver.ts'
import { startHttpReceiver } from '../../support/httpReceiver.ts'

let folder: string
let told: string[]
let lines: string[]
let elapsed: number
let clock: number
const servers: HttpReceiver[] = []
const opened: Alerts[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alerts-'))
  told = []
  lines = []
  elapsed = 0
  clock = Date.parse('2027-01-01T12:00:00Z')
})
afterEach(async () => {
  for (const alerts of opened.splice(0)) await alerts.close()
  for (const server of servers.splice(0)) await server.stop()
  await rm(folder, { recursive: true, force: true })
})

const connections = '  - { id: connections, metric: connection_usage, above: 80 %, recover: 70 % }'

async function open(file: string, options: Partial<AlertOptions> = {}): Promise<Alerts> {
  const path = join(folder, 'alerts.yaml')
  await writeFile(path, file.includes('alerts:') ? file : `alerts:\n${file}\n`)
  const alerts = await openAlerts(path, {
    metrics: [
      { id: 'connection_usage', unit: 'percent' },
      { id: 'cache_hit_ratio', unit: 'percent' },
    ],
    variables: () => undefined,
    folder: join(folder, 'state'),
    out: (text) => told.push(text.split(' ').slice(1).join(' ').replace(/\n$/, '')),
    onLine: (line) => lines.push(line),
    monotonicMs: () => elapsed,
    backOff: { firstMs: 5, mostMs: 20 },
    ...options,
  })
  opened.push(alerts)
  return alerts
}

async function startServer(respond?: (response: ServerResponse) => void): Promise<HttpReceiver> {
  const server = await startHttpReceiver(respond && ((_, response) => respond(response)))
  servers.push(server)
  return server
}

function usage(value: number, labels: Record<string, string> = {}, id = 'connection_usage'): Measurement {
  return { id, value, unit: 'percent', labels }
}

/** A round, a minute after the one before. */
function round(alerts: Alerts, ...measurements: (Measurement | number)[]) {
  elapsed += 60_000
  clock += 60_000
  return alerts.observe(
    measurements.map((each) => (typeof each === 'number' ? usage(each) : each)),
    new Date(clock),
  )
}

/** The words of what was told, once it has all been written. */
async function words(alerts: Alerts): Promise<string[]> {
  await alerts.close({ waitMs: 5_000 })
  return told.map((line) => line.replace(/ \(.*/s, ''))
}

test('a round gives the state of each alert, as JSON has it', async () => {
  const alerts = await open(connections)
  expect(await round(alerts, 85)).toEqual([
    {
      ...{ id: 'connections', state: 'firing', since: '2027-01-01T12:01:00.000Z', value: 85, threshold: 80 },
      ...{ unit: 'percent', labels: {}, severity: 'warning', silenced: false },
    },
  ])
  await alerts.close({ waitMs: 5_000 })
  expect(told).toEqual([
    'FIRING (warning): connections: connection_usage is 85 % (alerts above 80 %), since 2027-01-01T12:01:00.000Z',
  ])
})

test('each set of labels that an alert matches is watched for itself', async () => {
  const alerts = await open('  - { id: app, metric: connection_usage, above: 80 %, labels: { of: role } }')
  const states = await round(
    ...[alerts, usage(90, { of: 'role', role: 'a' }), usage(10, { of: 'role', role: 'b' })],
    usage(95, { of: 'server' }),
  )
  expect(states.map(({ state, labels }) => [state, labels['role']])).toEqual([
    ['firing', 'a'],
    ['ok', 'b'],
  ])
})

describe('a restart', () => {
  test('repeats nothing and loses nothing, at any point of an alert', async () => {
    const values = [50, 85, 85, 75, 60, 60, 90, 90, 50]
    for (const value of values) {
      const alerts = await open(`${connections.replace(' }', ', for: 1m }')}`)
      await round(alerts, value)
      await alerts.close({ waitMs: 5_000 })
    }
    expect(told.map((line) => line.split(' ')[0])).toEqual(['FIRING', 'RECOVERED', 'FIRING', 'RECOVERED'])
    expect(lines).toEqual([])
  })

  test('keeps when a state began, and counts the time in between, up to two hours', async () => {
    const pending = connections.replace(' }', ', for: 3h }')
    const first = await open(pending)
    await round(first, 85)
    await first.close()
    clock += 24 * 3_600_000
    const second = await open(pending)
    expect(await round(second, 85)).toMatchObject([{ state: 'pending', since: '2027-01-01T12:01:00.000Z' }])
    elapsed += 58 * 60_000
    expect(await round(second, 85)).toMatchObject([{ state: 'pending' }])
    expect(await round(second, 85)).toMatchObject([{ state: 'firing' }])
  })

  test('with a clock that was set back counts nothing', async () => {
    const first = await open(connections.replace(' }', ', for: 2m }'))
    await round(first, 85)
    await first.close()
    clock -= 7 * 86_400_000
    const second = await open(connections.replace(' }', ', for: 2m }'))
    const [state] = await round(second, 85)
    expect(state).toMatchObject({ state: 'pending', since: new Date(clock).toISOString() })
    await round(second, 85)
    expect(await round(second, 85)).toMatchObject([{ state: 'firing' }])
  })

  test('after the states were lost, but not the queue, tells nothing twice', async () => {
    const server = await startServer((response) => response.writeHead(503).end())
    const file = `receivers:\n  slack: { type: webhook, url: "\${URL}" }\nalerts:\n${connections}`
    const first = await open(file, { variables: () => server.url })
    await round(first, 85)
    await first.close()
    // As if it had been killed between the queue and the states.
    await rm(join(folder, 'state', 'states.json'))
    const second = await open(file, { variables: () => server.url })
    await round(second, 85)
    await second.close()
    const ids = new Set(server.received.map(({ headers }) => headers['idempotency-key']))
    expect(ids.size).toBe(1)
  })

  test('in which an alert was taken out tells that it is over', async () => {
    const first = await open(connections)
    await round(first, 85)
    await first.close({ waitMs: 5_000 })
    const second = await open('  - { id: other, metric: connection_usage, above: 90 % }')
    await round(second, 85)
    await round(second, 85)
    await second.close({ waitMs: 5_000 })
    expect(told.map((line) => line.split(': since')[0])).toEqual([
      expect.stringMatching(/^FIRING \(warning\): connections/),
      'RECOVERED (warning): connections: the file of alerts does not have it any more',
    ])
  })
})

describe('without a value', () => {
  test('an alert that never had one is unknown, and says why', async () => {
    const alerts = await open(connections)
    const reasons = new Map([['connection_usage', 'skipped: no privilege']])
    expect(await alerts.observe([], new Date(clock), { reasons })).toMatchObject([
      { state: 'unknown', value: null, note: 'skipped: no privilege' },
    ])
    expect(
      await alerts.observe([], new Date(clock), { missing: 'the database did not answer' }),
    ).toMatchObject([{ note: 'the database did not answer' }])
  })

  test('an alert that fires goes on firing, with its last value', async () => {
    const alerts = await open(connections)
    await round(alerts, 85)
    expect(await round(alerts)).toMatchObject([
      { state: 'firing', value: 85, note: 'no value in this round' },
    ])
    expect(await round(alerts, NaN)).toMatchObject([{ state: 'firing', value: 85 }])
    expect(await words(alerts)).toEqual(['FIRING'])
  })

  test('for so long, it fires where the file says so, and recovers with the next value', async () => {
    const alerts = await open(connections.replace(' }', ', absent: 2m }'))
    await round(alerts, 50)
    await round(alerts)
    await round(alerts)
    expect((await round(alerts)).map(({ state }) => state)).toEqual(['ok', 'firing'])
    expect((await round(alerts, 50)).map(({ state }) => state)).toEqual(['ok', 'recovered'])
    await alerts.close({ waitMs: 5_000 })
    expect(told).toEqual([
      'FIRING (warning): connections: connection_usage has had no value for 3 min',
      'RECOVERED (warning): connections: connection_usage has a value again',
    ])
  })

  test('a set of labels that is gone while others are there is forgotten after a day', async () => {
    const alerts = await open(connections)
    await round(alerts, usage(90, { role: 'a' }), usage(50, { role: 'b' }))
    const here = () => round(alerts, usage(50, { role: 'b' }))
    expect((await here()).map(({ state }) => state)).toEqual(['ok', 'firing'])
    elapsed += 24 * 3_600_000
    expect((await here()).map(({ state }) => state)).toEqual(['ok', 'recovered'])
    expect(await here()).toHaveLength(1)
    expect(await words(alerts)).toEqual(['FIRING', 'RECOVERED'])
  })
})

test('an alert with very many sets of labels watches the first hundred, and says so', async () => {
  const alerts = await open(connections)
  const many = Array.from({ length: 130 }, (_, at) => usage(50, { role: `r${at}` }))
  const states = await round(alerts, ...many)
  expect(states).toHaveLength(100)
  expect(states[0]?.note).toBe('30 more sets of labels are not looked at: name labels in the alert')
})

describe('a silence', () => {
  const silence = `silences:
  - { reason: import, from: "2027-01-01T12:00", to: "2027-01-01T12:05" }
alerts:
${connections}`

  test('holds back what begins in it until it ends', async () => {
    const alerts = await open(silence)
    for (let minute = 1; minute <= 5; minute += 1)
      expect(await round(alerts, 85)).toMatchObject([{ state: 'firing', silenced: true }])
    expect(told).toEqual([])
    expect(await round(alerts, 85)).toMatchObject([{ silenced: false, since: '2027-01-01T12:01:00.000Z' }])
    expect(await words(alerts)).toEqual(['FIRING'])
  })

  test('keeps quiet about what begins and ends in it', async () => {
    const alerts = await open(silence)
    for (const value of [85, 85, 50, 50, 50, 50, 50]) await round(alerts, value)
    expect(await words(alerts)).toEqual([])
  })

  test('holds back the end of what was told before it', async () => {
    const alerts = await open(silence)
    clock -= 10 * 60_000
    await round(alerts, 85)
    clock += 10 * 60_000
    for (const value of [50, 50, 50, 50]) await round(alerts, value)
    expect(told).toHaveLength(1)
    await round(alerts, 50)
    expect(await words(alerts)).toEqual(['FIRING', 'RECOVERED'])
  })
})

test('what goes on firing is repeated, and a clock that jumps neither repeats it nor keeps it back', async () => {
  const alerts = await open(connections.replace(' }', ', repeat: 10m }'))
  for (let minute = 0; minute <= 10; minute += 1) {
    clock += (minute % 2 === 0 ? 1 : -1) * 30 * 86_400_000
    await round(alerts, 85)
  }
  expect(await words(alerts)).toEqual(['FIRING', 'STILL FIRING'])
})

test('two monitors with one folder: the second is refused, and the first goes on', async () => {
  const first = await open(connections)
  await expect(open(connections)).rejects.toThrow(/in use by process \d+ on .*: two monitors would send/)
  await round(first, 85)
  expect(await words(first)).toEqual(['FIRING'])
})

test('a file of states that something else has changed is refused', async () => {
  const first = await open(connections)
  await round(first, 85)
  await first.close()
  await writeFile(join(folder, 'state', 'states.json'), '{"version": 1, "series": 3}')
  await expect(open(connections)).rejects.toThrow(/states\.json does not hold the states of alerts/)
  // The lock was given back.
  await rm(join(folder, 'state', 'states.json'))
  await open(connections)
})

test('what is kept is private, small, and in no repository', async () => {
  const alerts = await open(connections)
  for (let minute = 0; minute < 300; minute += 1) await round(alerts, minute % 2 === 0 ? 85 : 50)
  await alerts.close({ waitMs: 5_000 })
  const state = join(folder, 'state')
  expect((await readdir(state)).sort()).toEqual(['.gitignore', 'queue.jsonl', 'states.json'])
  expect(await readFile(join(state, '.gitignore'), 'utf8')).toBe('*\n')
  for (const file of ['queue.jsonl', 'states.json']) {
    const { mode, size } = await stat(join(state, file))
    expect(mode & 0o077).toBe(0)
    expect(size).toBeLessThan(500_000)
  }
  expect(told).toHaveLength(300)
})

describe('receivers', () => {
  const two = `receivers:
  slow: { type: webhook, url: "\${SLOW}" }
  quick: { type: webhook, url: "\${QUICK}" }
alerts:
${connections}`

  test('one that hangs does not hold up the others, nor the rounds', async () => {
    const slow = await startServer(() => undefined)
    const quick = await startServer()
    const urls: Record<string, string> = { SLOW: `${slow.url}/s3cret`, QUICK: quick.url }
    const alerts = await open(two, { variables: (name) => urls[name] })
    await round(alerts, 85)
    await round(alerts, 50)
    await vi.waitFor(() => expect(quick.received).toHaveLength(2))
    expect(slow.received.length).toBeLessThanOrEqual(1)
    await alerts.close()
    expect(lines).toEqual(['alerts: 2 for slow stay on disk; the next start sends them'])
  })

  test('one that goes down and comes back is told in one line each, without its address', async () => {
    let isDown = true
    const slow = await startServer((response) => response.writeHead(isDown ? 503 : 200).end())
    const quick = await startServer()
    const urls: Record<string, string> = { SLOW: `${slow.url}/s3cret`, QUICK: quick.url }
    const alerts = await open(two, { variables: (name) => urls[name] })
    await round(alerts, 85)
    await vi.waitFor(() => expect(slow.received.length).toBeGreaterThan(5))
    isDown = false
    await vi.waitFor(() => expect(lines).toHaveLength(2))
    expect(lines).toEqual([
      'alerts: slow does not take notifications: it answers 503. They are kept and tried again.',
      expect.stringMatching(/^alerts: slow takes notifications again, after \d+ ms$/),
    ])
    const ids = new Set(slow.received.map(({ headers }) => headers['idempotency-key']))
    expect(ids.size).toBe(1)
  })

  test('one that refuses is told once, keeps nothing back, and is tried once at the next start', async () => {
    let status = 404
    const slow = await startServer((response) => response.writeHead(status).end())
    const quick = await startServer()
    const urls: Record<string, string> = { SLOW: `${slow.url}/s3cret`, QUICK: quick.url }
    const alerts = await open(two, { variables: (name) => urls[name] })
    for (const value of [85, 50, 85]) await round(alerts, value)
    await alerts.close({ waitMs: 5_000 })
    expect(quick.received).toHaveLength(3)
    expect(slow.received).toHaveLength(3)
    expect(lines).toEqual([
      'alerts: slow refuses notifications: it answers 404. Check its address and key; what it refused is kept and tried once at each start.',
      'alerts: 3 for slow stay on disk; the next start sends them',
    ])
    status = 200
    const next = await open(two, { variables: (name) => urls[name] })
    await round(next, 85)
    await next.close({ waitMs: 5_000 })
    expect(slow.received).toHaveLength(6)
    expect(new Set(slow.received.map(({ headers }) => headers['idempotency-key'])).size).toBe(3)
  })

  test('Retry-After is waited for', async () => {
    const times: number[] = []
    const slow = await startServer((response) => {
      times.push(performance.now())
      response.writeHead(times.length === 1 ? 429 : 200, { 'retry-after': '1' }).end()
    })
    const quick = await startServer()
    const urls: Record<string, string> = { SLOW: slow.url, QUICK: quick.url }
    const alerts = await open(two, { variables: (name) => urls[name] })
    await round(alerts, 85)
    await vi.waitFor(() => expect(times).toHaveLength(2), 5_000)
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990)
  })

  test('while too many wait, nothing more is taken, and nothing is lost: it is told when there is room', async () => {
    let isDown = true
    const slow = await startServer((response) => response.writeHead(isDown ? 503 : 200).end())
    const file = `receivers:\n  slow: { type: webhook, url: "\${SLOW}" }\nalerts:\n${connections}`
    const alerts = await open(file, { variables: () => slow.url, mostWaiting: 2 })
    const high = (...roles: string[]) => roles.map((role) => usage(90, { role }))
    await round(alerts, ...high('a', 'b'))
    await round(alerts, ...high('a', 'b', 'c'))
    await round(alerts, ...high('a', 'b', 'c'))
    const isFull = (line: string) =>
      line.includes('cannot queue notifications: too many wait to be delivered')
    expect(lines.filter(isFull)).toHaveLength(1)
    isDown = false
    const texts = () =>
      new Set(slow.received.map(({ body }) => (JSON.parse(body.toString()) as { text: string }).text))
    await vi.waitFor(() => expect(lines.at(-1)).toContain('takes notifications again'))
    await vi.waitFor(() => expect(texts().size).toBe(2))
    await round(alerts, ...high('a', 'b', 'c'))
    await vi.waitFor(() => expect([...texts()].some((text) => text.includes('role=c'))).toBe(true))
  })
})
