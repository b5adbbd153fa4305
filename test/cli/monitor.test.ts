import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import parsePrometheusTextFormat from 'parse-prometheus-text-format'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Measurement } from '../../src/metrics/measurement.ts'
import { freePort } from '../../src/servers/freePort.ts'
import { callCommand, program } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

interface Document {
  schemaVersion: number
  command: string
  takenAt: string
  metrics: Measurement[]
  alerts: unknown[]
  skipped: { id: string; reason: string }[]
}

let database: TestDatabase
let folder: string
beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  const reader = await database.connect()
  await reader.query('SELECT count(*) FROM bookings')
  await reader.end()
  folder = mkdtempSync(join(tmpdir(), 'monitor-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await database.drop()
})

const environment = () => ({ DIRECT_URL: database.ownerUrl })
const monitor = (...args: string[]) =>
  callCommand(['monitor', ...args], { environment: environment(), directory: folder })

/** Runs it until the work is done, and ends it as Ctrl-C does. */
async function whileRunning<T>(args: string[], work: () => Promise<T>) {
  const stop = new AbortController()
  const running = callCommand(['monitor', ...args], { environment: environment(), signal: stop.signal })
  try {
    const result = await work()
    const startedAt = performance.now()
    stop.abort()
    const ended = await running
    return { ...ended, result, endedAfterMs: performance.now() - startedAt }
  } finally {
    stop.abort()
    await running
  }
}

const page = async (url: string, method = 'GET') => {
  const answer = await fetch(url, { method })
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }
}

/** 0 and nothing while nobody listens. */
const statusOf = (url: string) =>
  page(url)
    .then(({ status }) => status)
    .catch(() => 0)
const textOf = (url: string) =>
  page(url)
    .then(({ text }) => text)
    .catch(() => '')

describe('once', () => {
  test('people see targets, whether they are met, and what was skipped and why', async () => {
    const { exitCode, out, err } = await monitor()
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    expect(out).toMatch(/connection_usage \{of="server"\} +│ +[\d.]+ % +│ +below 80 % +│ +met/)
    expect(out).toMatch(/cache_hit_ratio +│ +[\d.]+ % +│ +at least 99 % +│ +not judged: too little was read/)
    expect(out).toMatch(/database_size +│ +[\d.]+ MB/)
    expect(out).toMatch(/skipped: .*query_time_p99/)
    expect(out).toContain('this server is no standby')
  })

  test('the JSON document has the promised form', async () => {
    const { exitCode, out, err } = await monitor('--format', 'json')
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    const document = JSON.parse(out) as Document
    expect(document).toMatchObject({ schemaVersion: 1, command: 'monitor', alerts: [] })
    expect(Math.abs(Date.parse(document.takenAt) - Date.now())).toBeLessThan(60_000)
    for (const metric of document.metrics) {
      expect(Object.keys(metric)).toEqual(['id', 'value', 'unit', 'labels'])
    }
    const usage = document.metrics.find(
      ({ id, labels }) => id === 'connection_usage' && labels['of'] === 'server',
    )
    expect(usage?.unit).toBe('percent')
    expect(usage?.value).toBeGreaterThan(0)
    expect(document.skipped.length).toBeGreaterThan(0)
    // The owner does not see what others do: it is told, and not 0.
    const ids = new Set(document.metrics.map(({ id }) => id))
    expect(document.skipped.filter(({ id }) => ids.has(id))).toEqual([])
  })

  test('the page for Prometheus is printed', async () => {
    const { out } = await monitor('--format', 'prometheus')
    const families = parsePrometheusTextFormat(out)
    expect(families.find(({ name }) => name === 'pg_up')?.metrics).toEqual([{ value: '1' }])
  })

  test('the file for the node exporter is whole and readable, and nothing else is left or printed', async () => {
    const { exitCode, out } = await monitor('--textfile', 'pg.prom')
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: '' })
    expect(readdirSync(folder)).toEqual(['pg.prom'])
    const families = parsePrometheusTextFormat(readFileSync(join(folder, 'pg.prom'), 'utf8'))
    expect(families.map(({ name }) => name)).toContain('pg_stat_database_blks_hit')
    rmSync(join(folder, 'pg.prom'))
  })

  test('findings are counted from the last report of this database', async () => {
    const own = mkdtempSync(join(folder, 'reports-'))
    await callCommand(['diagnose', '--out', own, '--rules', 'unindexed_foreign_keys'], {
      environment: environment(),
    })
    const [report = ''] = readdirSync(own)
    const { findings } = JSON.parse(readFileSync(join(own, report, 'report.json'), 'utf8')) as {
      findings: { level: string }[]
    }
    const { out } = await monitor('--format', 'json', '--reports', own)
    const counted = (JSON.parse(out) as Document).metrics.filter(({ id }) => id === 'findings')
    expect(counted.map(({ labels, value }) => [labels['level'], value])).toEqual(
      ['info', 'warn', 'error'].map((level) => [
        level,
        findings.filter((each) => each.level === level).length,
      ]),
    )
    expect(findings.length).toBeGreaterThan(0)
    rmSync(own, { recursive: true })
  })

  test('a database that does not answer ends with 5, without the password', async () => {
    const url = new URL(database.ownerUrl)
    url.port = `${await freePort()}`
    const { exitCode, out, err } = await callCommand(['monitor'], { environment: { DIRECT_URL: url.href } })
    expect({ exitCode, out }).toEqual({ exitCode: 5, out: '' })
    expect(err).toContain('No server answers at')
    expect(err).not.toContain(url.password)
  })
})

describe('bad input', () => {
  test.each([
    [['--every', '100ms'], '--every 1s or more'],
    [['--every', 'often'], 'Write a duration'],
    [['--listen', '9187'], 'Write an address and a port'],
    [['--listen', '127.0.0.1:99999'], 'Write an address and a port'],
    [['--listen', '192.0.2.1:9187'], 'is no address of this machine'],
    [['--format', 'xml'], 'Allowed choices'],
    [['--textfile', '/nowhere/pg.prom'], 'Cannot write /nowhere/pg.prom'],
  ])('%j is refused: %s', async (args, reason) => {
    const { exitCode, out, err } = await monitor(...args)
    expect({ exitCode, out }).toEqual({ exitCode: 5, out: '' })
    expect(err).toContain(reason)
  })
})

describe('in rounds', () => {
  test('each is a line of JSON, and Ctrl-C ends them with 0 within a second', async () => {
    const stop = new AbortController()
    const running = callCommand(['monitor', '--format', 'json', '--every', '1s'], {
      environment: environment(),
      signal: stop.signal,
    })
    setTimeout(() => stop.abort(), 2_500)
    const { exitCode, out, err } = await running
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    const lines = out.trimEnd().split('\n')
    expect(lines.length).toBeGreaterThanOrEqual(2)
    const [first, second] = lines.map((line) => JSON.parse(line) as Document)
    const apart = Date.parse(second?.takenAt ?? '') - Date.parse(first?.takenAt ?? '')
    expect(Math.abs(apart - 1_000)).toBeLessThan(500)
    expect(first?.skipped).toContainEqual({ id: 'cache_hit_ratio_recent', reason: 'this is the first round' })
    expect(second?.skipped.map(({ reason }) => reason)).not.toContain('this is the first round')
  })

  test('the endpoint serves the last round, says that it lives, and knows no other page', async () => {
    const port = await freePort()
    const at = `http://127.0.0.1:${port}`
    const { exitCode, out, err, endedAfterMs } = await whileRunning(
      ['--listen', `127.0.0.1:${port}`],
      async () => {
        await expect.poll(() => statusOf(`${at}/metrics`), { timeout: 15_000 }).toBe(200)
        const { type, text } = await page(`${at}/metrics?x=1`)
        expect(type).toBe('text/plain; version=0.0.4; charset=utf-8')
        expect(parsePrometheusTextFormat(text).find(({ name }) => name === 'pg_up')?.metrics).toEqual([
          { value: '1' },
        ])
        expect((await page(`${at}/metrics`)).text).toBe(text)
        expect(await page(`${at}/healthz`)).toMatchObject({ status: 200, text: 'ok\n' })
        expect((await page(`${at}/`)).status).toBe(404)
        expect((await page(`${at}/metrics`, 'POST')).status).toBe(405)
        expect(await page(`${at}/metrics`, 'HEAD')).toMatchObject({ status: 200, text: '' })
        // A client that sends nothing must not keep it from ending.
        connectTo(port, '127.0.0.1').on('error', () => undefined)
      },
    )
    expect({ exitCode, out, err }).toEqual({
      ...{ exitCode: 0, out: '' },
      err: `Serving http://127.0.0.1:${port}/metrics until Ctrl-C.\n`,
    })
    expect(endedAfterMs).toBeLessThan(1_000)
  })

  test('two on one database work, but not at one address, nor in one file', async () => {
    const [port, other] = [await freePort(), await freePort()]
    const file = join(folder, 'shared.prom')
    await whileRunning(['--listen', `127.0.0.1:${port}`, '--textfile', file], async () => {
      await expect.poll(() => statusOf(`http://127.0.0.1:${port}/metrics`)).toBe(200)
      const sameAddress = await monitor('--listen', `127.0.0.1:${port}`)
      expect(sameAddress.exitCode).toBe(5)
      expect(sameAddress.err).toContain(`Another program listens on 127.0.0.1:${port} already.`)
      const sameFile = await monitor('--every', '1s', '--textfile', file)
      expect(sameFile.exitCode).toBe(5)
      expect(sameFile.err).toContain(`Another monitor (process ${process.pid}) writes ${file} already.`)
      await whileRunning(['--listen', `127.0.0.1:${other}`], () =>
        expect.poll(() => statusOf(`http://127.0.0.1:${other}/metrics`)).toBe(200),
      )
    })
    expect(readdirSync(folder)).toEqual(['shared.prom'])
    // What a process left that was killed is taken over.
    writeFileSync(join(folder, '.shared.prom.hundredfold'), '999999999\n')
    expect((await monitor('--textfile', file)).exitCode).toBe(0)
    expect(readdirSync(folder)).toEqual(['shared.prom'])
    rmSync(file)
  })

  test('it starts before the database does, and says so once', async () => {
    const port = await freePort()
    const url = new URL(database.ownerUrl)
    url.port = `${await freePort()}`
    const stop = new AbortController()
    const running = callCommand(['monitor', '--listen', `127.0.0.1:${port}`, '--every', '1s'], {
      environment: { DIRECT_URL: url.href },
      signal: stop.signal,
    })
    const down = 'pg_up 0\n'
    await expect.poll(() => textOf(`http://127.0.0.1:${port}/metrics`), { timeout: 10_000 }).toContain(down)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    const { text } = await page(`http://127.0.0.1:${port}/metrics`)
    stop.abort()
    const { exitCode, err } = await running
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual(['pg_up 0'])
    expect(exitCode).toBe(0)
    expect(err.match(/The database does not answer/g)).toHaveLength(1)
    expect(err).not.toContain(url.password)
  })

  test('a signal ends the whole process with 0', async () => {
    const port = await freePort()
    const child = spawn(process.execPath, [program, 'monitor', '--listen', `127.0.0.1:${port}`], {
      env: { PATH: process.env['PATH'], ...environment() },
      stdio: 'ignore',
    })
    const ended = new Promise((resolve) => child.on('exit', resolve))
    await expect.poll(() => statusOf(`http://127.0.0.1:${port}/metrics`), { timeout: 20_000 }).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })
})
