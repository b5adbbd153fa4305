import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { CommandResult } from '../support/commandLine.ts'
import { callCommand, program } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { HttpReceiver } from '../support/httpReceiver.ts'
import { startHttpReceiver } from '../support/httpReceiver.ts'

let database: TestDatabase
let receiver: HttpReceiver
let directory: string
beforeAll(async () => {
  database = await createDatabase()
  receiver = await startHttpReceiver()
})
afterAll(async () => {
  await receiver.stop()
  await database.drop()
})
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'monitor-alerts-'))
  receiver.received.splice(0)
})
afterEach(() => rm(directory, { recursive: true, force: true }))

function monitor(args: string[], environment: Record<string, string> = {}): Promise<CommandResult> {
  return callCommand(['monitor', ...args], {
    directory,
    environment: { DIRECT_URL: database.url, ...environment },
  })
}

async function writeAlerts(above: string, receivers = ''): Promise<void> {
  const alerts = `alerts:\n  - id: connections\n    metric: connection_usage\n    labels:\n      of: server\n    above: ${above}\n`
  await writeFile(join(directory, 'alerts.yaml'), `${receivers}${alerts}`)
}

test('a single round ends with 2 if an alert fires, says so once, and JSON has it', async () => {
  await writeAlerts('0 %')
  const first = await monitor(['--alert', 'alerts.yaml', '--format', 'json'])
  expect(first.exitCode).toBe(2)
  const { alerts } = JSON.parse(first.out) as { alerts: Record<string, unknown>[] }
  expect(alerts).toEqual([
    {
      ...{ id: 'connections', state: 'firing', threshold: 0, unit: 'percent', labels: { of: 'server' } },
      ...{ severity: 'warning', silenced: false },
      since: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      value: expect.any(Number) as number,
    },
  ])
  // Standard output is JSON and nothing else.
  expect(first.err).toMatch(/FIRING \(warning\): connections: connection_usage of=server is/)
  const second = await monitor(['--alert', 'alerts.yaml', '--format', 'json'])
  expect(second.exitCode).toBe(2)
  expect(second.err).toBe('')
})

test('it ends with 0 if none fires, and people see all states', async () => {
  await writeAlerts('100 %')
  const { exitCode, out, err } = await monitor(['--alert', 'alerts.yaml'])
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
  expect(out).toMatch(/connections \{of="server"\}\W+ok\W+[\d.]+ %\W+100 %\W+since/)
})

test('a printed file of alerts can be used at once; response time is skipped, and the reason told', async () => {
  const printed = await monitor(['--print-alerts'])
  expect(printed.out).toBe(
    await readFile(new URL('../../src/operate/alerts/plan.yaml', import.meta.url), 'utf8'),
  )
  await writeFile(join(directory, 'alerts.yaml'), printed.out)
  const { exitCode, out } = await monitor(['--alert', 'alerts.yaml'])
  expect(exitCode).toBe(0)
  expect(out).toMatch(/api_response_time\W+unknown .*skipped: not configured: PostgreSQL cannot see it/)
  expect(out).toMatch(/cache_hit_ratio\W+unknown .*skipped: this is the first round/)
})

test('a typo in the file ends with 5 and names file, line and key', async () => {
  await writeFile(
    join(directory, 'alerts.yaml'),
    'alerts:\n  - id: a\n    metric: connection_usge\n    above: 1 %\n',
  )
  const { exitCode, err } = await monitor(['--alert', 'alerts.yaml'])
  expect(exitCode).toBe(5)
  expect(err).toContain(
    'alerts.yaml, line 3, column 13: alerts[1].metric: unknown metric "connection_usge" (did you mean "connection_usage"?).',
  )
})

test('a secret comes from the environment or .env, and is never printed', async () => {
  await writeAlerts('0 %', 'receivers:\n  slack:\n    type: webhook\n    url: ${SLACK_URL}\n')
  const without = await monitor(['--alert', 'alerts.yaml'])
  expect(without.exitCode).toBe(5)
  expect(without.err).toContain('SLACK_URL (receivers.slack.url)')

  await writeFile(join(directory, '.env'), `SLACK_URL=${receiver.url}/services/s3cret\n`)
  const { exitCode, out, err } = await monitor(['--alert', 'alerts.yaml'])
  expect(exitCode).toBe(2)
  expect(receiver.received.map(({ path }) => path)).toEqual(['/services/s3cret'])
  expect(`${out}${err}`).not.toContain('s3cret')
})

test('a receiver that is down delays a single round, but does not lose what it was to be told', async () => {
  await writeAlerts('0 %', 'receivers:\n  slack:\n    type: webhook\n    url: ${SLACK_URL}\n')
  const environment = { SLACK_URL: `${receiver.url}/s3cret` }
  await receiver.stop()
  const down = await monitor(['--alert', 'alerts.yaml'], environment)
  expect(down.err).toBe(
    'alerts: slack does not take notifications: nobody listens there. They are kept and tried again.\n' +
      'alerts: 1 for slack stay on disk; the next start sends them\n',
  )
  await receiver.start()
  const up = await monitor(['--alert', 'alerts.yaml'], environment)
  expect(up.err).toBe('')
  expect(receiver.received).toHaveLength(1)
})

test('where the output cannot be opened, the folder of alerts is free again', async () => {
  await writeAlerts('100 %')
  const taken = new URL(receiver.url).port
  const refused = await monitor(['--alert', 'alerts.yaml', '--listen', `127.0.0.1:${taken}`])
  expect(refused.exitCode).toBe(5)
  expect((await monitor(['--alert', 'alerts.yaml'])).exitCode).toBe(0)
})

test('the process goes on after it was killed, tells nothing anew, and leaves no lock when it is ended', async () => {
  await writeAlerts('0 %', 'receivers:\n  slack:\n    type: webhook\n    url: ${SLACK_URL}\n')
  const start = () =>
    spawn(
      process.execPath,
      [program, 'monitor', '--alert', 'alerts.yaml', '--format', 'json', '--every', '1s'],
      {
        cwd: directory,
        env: { PATH: process.env['PATH'], DIRECT_URL: database.url, SLACK_URL: receiver.url },
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
  const killed = start()
  await once(killed.stdout, 'data')
  await vi.waitFor(() => expect(receiver.received).toHaveLength(1), 10_000)
  const ended = once(killed, 'exit')
  killed.kill('SIGKILL')
  await ended

  const next = start()
  const [line] = (await once(next.stdout, 'data')) as [Buffer]
  expect(line.toString()).toContain('"state":"firing"')
  next.kill('SIGTERM')
  expect(await once(next, 'exit')).toEqual([0, null])
  // The kill may have come before it noted that the receiver has it: then that came twice, with one id.
  expect(new Set(receiver.received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
  expect(await readdir(join(directory, '.hundredfold', 'alerts'))).not.toContain('lock')
})
