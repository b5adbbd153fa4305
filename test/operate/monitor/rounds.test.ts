import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { sql } from '../../../src/postgres/sql.ts'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HistoryFile, readHistory } from '../../../src/history/historyFile.ts'
import type { Measurement } from '../../../src/metrics/measurement.ts'
import type { MetricReader } from '../../../src/operate/monitor/reader.ts'
import { makeReaders } from '../../../src/operate/monitor/readers/index.ts'
import type { Clock, RoundListener } from '../../../src/operate/monitor/rounds.ts'
import { takeRounds } from '../../../src/operate/monitor/rounds.ts'
import { connect } from '../../../src/postgres/connect.ts'
import type { EmbeddedServer } from '../../../src/servers/embedded.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import { monitorJson, monitorText } from '../../../src/report/monitor.ts'
import { prometheusText } from '../../../src/report/prometheusText.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

const reports = '/nonexistent'
const isWhole = process.env['FAULTS'] === 'all'

describe('against a database', () => {
  let database: TestDatabase
  let client: Client
  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
    client = await database.connect()
    await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements')
  })
  afterAll(() => database.drop())

  const readers = () => makeReaders({ url: database.url, reports })

  test('rounds keep their distance from the first one, however long each takes', async () => {
    const clock = handMoved()
    const at: number[] = []
    // The third round takes longer than the distance: the next one misses its turn.
    const takes = [200, 900, 2_300, 100, 0]
    const listener: RoundListener = () => {
      at.push(clock.elapsedMs())
      clock.move(takes[at.length - 1] ?? 0)
    }
    await followed({ url: database.url, readers: readers(), everyMs: 1_000, clock }, listener, 5)
    expect(at).toEqual([0, 1_000, 2_000, 5_000, 6_000])
  })

  test('a clock that is set back or forward moves no round', async () => {
    const clock = handMoved()
    const at: number[] = []
    const listener: RoundListener = () => {
      at.push(clock.elapsedMs())
      clock.jump(at.length % 2 === 0 ? -86_400_000 : 3_600_000)
    }
    await followed({ url: database.url, readers: readers(), everyMs: 60_000, clock }, listener, 4)
    expect(at).toEqual([0, 60_000, 120_000, 180_000])
  })

  /** A round each five minutes; one a minute takes minutes to run. */
  const [everyMs, name] = isWhole ? [60_000, 'a round a minute'] : [300_000, 'a round each five minutes']
  test(`24 hours of ${name} leave the same series, a bounded history and no memory behind`, async () => {
    const rounds = (24 * 3_600_000) / everyMs
    const clock = handMoved()
    const series = new Map<number, string[]>()
    const heap = new Map<number, number>()
    const path = join(await mkdtemp(join(tmpdir(), 'history-')), 'history.json')
    const history = new HistoryFile(path, 'app')
    let count = 0
    const listener: RoundListener = async (measurements, takenAt, round) => {
      count += 1
      await prometheusText(measurements)
      monitorText(round)
      JSON.stringify(monitorJson(round))
      if (count === rounds / 4 || count === rounds) {
        series.set(count, seriesOf(measurements))
        heap.set(count, heapUsed())
      }
      await history.add(measurements, takenAt)
      await history.flush()
    }
    await followed({ url: database.url, readers: readers(), everyMs, clock }, listener, rounds)
    expect(count).toBe(rounds)
    expect(clock.elapsedMs()).toBe(24 * 3_600_000)
    expect(series.get(rounds)).toEqual(series.get(rounds / 4))
    expect(new Set(series.get(rounds)).size).toBe(series.get(rounds)?.length)
    expect((await readHistory(path, 'app'))?.tiers.map(({ buckets }) => buckets.length)).toEqual([288, 24, 1])
    expect((await stat(path)).size).toBeLessThan(500_000)
    await rm(dirname(path), { recursive: true })
    // A round has some 150 measurements of more than 100 bytes: to keep them all would take more than three times that.
    const kept = (rounds * 3 * 150 * 100) / 4
    expect((heap.get(rounds) ?? 0) - (heap.get(rounds / 4) ?? 0)).toBeLessThan(Math.max(kept / 3, 1_200_000))
  }, 240_000)
})

describe('while the server goes away', () => {
  let server: EmbeddedServer
  beforeAll(async () => {
    server = await startEmbedded()
  })
  afterAll(() => server.stop())

  test('a restart costs no round, and an outage is said once, without the password', async () => {
    const stop = new AbortController()
    const up: number[] = []
    const said: string[] = []
    const done = takeRounds({
      ...{ url: server.url(), readers: makeReaders({ url: server.url(), reports }), everyMs: 1_000 },
      listeners: [(measurements) => void up.push(measurements.find(({ id }) => id === 'up')?.value ?? NaN)],
      signal: stop.signal,
      onOutage: (reason) => said.push(reason),
      onRecovery: () => said.push('again'),
    })
    await expect.poll(() => up.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2)
    await server.restart()
    const before = up.length
    await expect.poll(() => up.slice(before).includes(1), { timeout: 15_000 }).toBe(true)
    await server.crash()
    await expect.poll(() => up.at(-1), { timeout: 15_000 }).toBe(0)
    await expect.poll(() => up.slice(-3), { timeout: 15_000 }).toEqual([0, 0, 0])
    await server.restart()
    await expect.poll(() => up.at(-1), { timeout: 15_000 }).toBe(1)
    stop.abort()
    await done
    expect(said.at(-1)).toBe('again')
    // The restart may be noticed or not; the crash is, once.
    expect(said.filter((text) => text !== 'again').length).toBeLessThanOrEqual(2)
    expect(said.join()).toContain(`127.0.0.1:${new URL(server.url()).port}`)
    expect(said.join()).not.toContain(new URL(server.url()).password)
  }, 60_000)

  test('a session that an administrator ends between two rounds is opened again without a word', async () => {
    const stop = new AbortController()
    const up: number[] = []
    const said: string[] = []
    const admin = await connect(server.url())
    const done = takeRounds({
      ...{ url: server.url(), readers: makeReaders({ url: server.url(), reports }), everyMs: 1_000 },
      listeners: [(measurements) => void up.push(measurements.find(({ id }) => id === 'up')?.value ?? NaN)],
      signal: stop.signal,
      onOutage: (reason) => said.push(reason),
    })
    await expect.poll(() => up.length, { timeout: 10_000 }).toBe(1)
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hundredfold monitor'`,
    )
    await expect.poll(() => up.length, { timeout: 10_000 }).toBe(3)
    stop.abort()
    await done
    await admin.end()
    expect(up).toEqual([1, 1, 1])
    expect(said).toEqual([])
  })

  test('the signal ends a round that waits for the server', async () => {
    const stop = new AbortController()
    const slow: MetricReader = {
      metrics: [],
      read: async ({ db }) => {
        await sql`SELECT pg_catalog.pg_sleep(4)`.execute(db)
        return { measurements: [] }
      },
    }
    const done = takeRounds({
      ...{ url: server.url(), readers: [slow], everyMs: 1_000, listeners: [], signal: stop.signal },
    })
    const admin = await connect(server.url())
    await expect
      .poll(
        async () =>
          (
            await admin.query(
              `SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(4)%' AND pid <> pg_backend_pid()`,
            )
          ).rowCount,
      )
      .toBe(1)
    const startedAt = performance.now()
    stop.abort()
    await done
    await admin.end()
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })
})

interface HandMovedClock extends Clock {
  move(ms: number): void
  jump(ms: number): void
}

/** A clock that moves only when somebody sleeps or moves it. */
function handMoved(): HandMovedClock {
  let elapsed = 0
  let wall = Date.UTC(2026, 0, 1)
  const move = (ms: number) => {
    elapsed += ms
    wall += ms
  }
  return {
    ...{ move, jump: (ms) => void (wall += ms), elapsedMs: () => elapsed, now: () => new Date(wall) },
    sleep: (ms) => Promise.resolve(move(ms)),
  }
}

/** Takes so many rounds, and stops. */
async function followed(
  options: Pick<Parameters<typeof takeRounds>[0], 'url' | 'readers' | 'everyMs' | 'clock'>,
  listener: RoundListener,
  rounds: number,
): Promise<void> {
  const stop = new AbortController()
  let count = 0
  await takeRounds({
    ...options,
    signal: stop.signal,
    listeners: [
      listener,
      () => {
        count += 1
        if (count === rounds) stop.abort()
      },
    ],
  })
}

function seriesOf(measurements: readonly Measurement[]): string[] {
  return measurements.map(({ id, labels }) => `${id} ${JSON.stringify(labels)}`).sort()
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  return process.memoryUsage().heapUsed
}
