import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Staleness } from '../../../src/bench/cache/staleness.ts'
import type { RedisServer } from '../../../src/servers/redis.ts'
import { callCommand, program } from '../../support/commandLine.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { engineIsMissing } from '../../support/engines.ts'
import type { NextExample, NextProcess } from '../../support/nextExample.ts'
import { buildNextExample } from '../../support/nextExample.ts'
import { startRedis } from '../../support/redis.ts'

/** As the example has it. */
const boundMs = 2_000
const paths = ['/', '/cities', '/cities/1', '/cities/2'] as const
/** The others have a part that is rendered for each request, of data from the cache. */
const wholePages = ['/', '/cities'] as const

describe.skipIf(engineIsMissing('next') || engineIsMissing('redis-server'))('examples/next', () => {
  let database: TestDatabase
  let owner: Client
  let redis: RedisServer
  let directory: string
  let example: NextExample
  let newest = 0

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hundredfold-next-'))
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.professionals (id int PRIMARY KEY, name text NOT NULL);
      CREATE TABLE public.cities (id int PRIMARY KEY, name text NOT NULL);
      INSERT INTO public.professionals VALUES (1, 'number 0 of all'); INSERT INTO public.cities VALUES (1, 'number 0 of all'), (2, 'number 0 of all')`)
    const options = { environment: { DIRECT_URL: database.ownerUrl }, directory }
    for (const [table, ...tags] of [['professionals'], ['cities', 'city:{id}']] as const) {
      const install = ['cache', 'install', '--table', table, '--tag', table, '--yes']
      for (const tag of tags) install.push('--tag', tag)
      expect(await callCommand(install, options)).toMatchObject({ exitCode: 0 })
    }
    expect(await callCommand(['migrate', 'up'], options)).toMatchObject({ exitCode: 0 })
    redis = await startRedis()
    example = await buildNextExample({ DATABASE_URL: database.ownerUrl })
  }, 180_000)
  afterAll(async () => {
    await example.remove()
    await redis.stop()
    await database.drop()
    await rm(directory, { recursive: true })
  })

  /** Both tables get the next number in one commit. */
  async function write(): Promise<number> {
    newest += 1
    const name = `number ${newest} of all`
    await owner.query(
      `BEGIN; UPDATE professionals SET name = '${name}'; UPDATE cities SET name = '${name}'; COMMIT`,
    )
    return newest
  }
  const numberIn = (text: string): number => Number(/<li>number (\d+) of all<\/li>/.exec(text)?.[1] ?? NaN)

  async function startTwo(environment: Record<string, string>): Promise<NextProcess[]> {
    const own = { DATABASE_URL: database.ownerUrl, ...environment }
    return Promise.all([example.start(own), example.start(own)])
  }
  async function expectCached(processes: NextProcess[]): Promise<void> {
    for (const process of processes) {
      for (const path of wholePages)
        await expect
          .poll(async () => (await process.read(path)).cache, { timeout: 15_000, interval: 100 })
          .toBe('HIT')
    }
  }

  it('shows in two processes what was committed, within the bound, also while Redis is restarted', async () => {
    const processes = await startTwo({ REDIS_URL: redis.url })
    const worker: ChildProcess = spawn(process.execPath, [program, 'cache', 'invalidate'], {
      env: { PATH: process.env['PATH'], DIRECT_URL: database.ownerUrl, REDIS_URL: redis.url },
      stdio: 'ignore',
    })
    try {
      await expectCached(processes)
      const staleness = new Staleness()
      const overdue: string[] = []
      const statuses = new Set<number>()
      const hits = { before: 0, after: 0 }
      let phase: 'before' | 'after' = 'before'
      let isOver = false
      staleness.committed(0, newest, performance.now())
      const writeOn = async (): Promise<void> => {
        while (!isOver) {
          const value = await write()
          staleness.committed(0, value, performance.now())
          await pause(1_000)
        }
      }
      const readOn = async (process: NextProcess, path: string): Promise<void> => {
        while (!isOver) {
          const asked = performance.now()
          const { status, text, cache } = await process.read(path)
          statuses.add(status)
          if (cache === 'HIT') hits[phase] += 1
          const delay = staleness.read(0, numberIn(text), asked)
          if (!(delay <= boundMs)) overdue.push(`${path} was ${delay} ms old: ${text.slice(0, 200)}`)
          await pause(10)
        }
      }
      const breakRedis = async (): Promise<void> => {
        await pause(3_000)
        await redis.kill()
        await pause(1_500)
        await redis.start()
        phase = 'after'
        await pause(5_000)
        isOver = true
      }
      await Promise.all([
        writeOn(),
        ...processes.flatMap((process) => paths.map((path) => readOn(process, path))),
        breakRedis(),
      ])
      expect([...statuses]).toEqual([200])
      expect(overdue).toEqual([])
      const report = staleness.report()
      expect(report.reads).toBeGreaterThan(40)
      expect(hits.before).toBeGreaterThan(0)
      expect(hits.after).toBeGreaterThan(0)
      await expectCached(processes)
      for (const process of processes)
        for (const path of paths) expect(numberIn((await process.read(path)).text)).toBe(newest)
    } finally {
      worker.kill('SIGKILL')
      for (const process of processes) await process.stop()
    }
  }, 90_000)

  it("revalidates what is announced where each process keeps Next's own cache", async () => {
    const processes = await startTwo({ REVALIDATE_TOKEN: 'a secret' })
    try {
      await expectCached(processes)
      for (let round = 0; round < 3; round += 1) {
        const value = await write()
        for (const process of processes) {
          for (const path of paths)
            await expect
              .poll(async () => numberIn((await process.read(path)).text), { timeout: boundMs, interval: 20 })
              .toBe(value)
        }
        await expectCached(processes)
      }
    } finally {
      for (const process of processes) await process.stop()
    }
  }, 90_000)
})
