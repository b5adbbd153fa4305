import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Staleness } from '../../src/bench/cache/staleness.ts'
import type { Cache } from '../../src/cache/cache.ts'
import { createCache } from '../../src/cache/cache.ts'
import { MemoryStore } from '../../src/cache/memoryStore.ts'
import { NearStore } from '../../src/cache/nearStore.ts'
import { RedisStore } from '../../src/cache/redisStore.ts'
import type { Store } from '../../src/cache/store.ts'
import { callCommand, program } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { RedisServer } from '../../src/servers/redis.ts'
import { startRedis } from '../support/redis.ts'
import type { TcpProxy } from '../support/tcpProxy.ts'
import { startTcpProxy } from '../support/tcpProxy.ts'

const seconds = process.env['FAULTS'] === 'all' ? 60 : 12
const keys = 40
const [writers, readers] = [8, 8]
const boundMs = 1_000

describe.skipIf(engineIsMissing('redis-server'))(`eight writers and eight readers for ${seconds} s`, () => {
  let database: TestDatabase
  let redis: RedisServer
  let toRedis: TcpProxy
  let toDatabase: TcpProxy
  let directory: string
  let worker: ChildProcess | undefined
  let isOver = false

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hundredfold-cache-'))
    database = await createDatabase()
    redis = await startRedis()
    toRedis = await startTcpProxy(redis.port)
    toDatabase = await startTcpProxy(Number(new URL(database.url).port))
    const owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.counters (id int PRIMARY KEY, value int NOT NULL);
      INSERT INTO public.counters SELECT id, 0 FROM generate_series(0, ${keys - 1}) id`)
    const options = { environment: { DIRECT_URL: database.ownerUrl }, directory }
    for (const args of [
      ['cache', 'install', '--table', 'counters', '--tag', 'counter:{id}', '--yes'],
      ['migrate', 'up'],
    ]) {
      expect(await callCommand(args, options)).toMatchObject({ exitCode: 0 })
    }
    startWorker()
  })
  afterAll(async () => {
    isOver = true
    worker?.kill('SIGKILL')
    await toRedis.close()
    await toDatabase.close()
    await redis.stop()
    await database.drop()
    await rm(directory, { recursive: true })
  })

  /** As whatever runs it in production does: a worker that ends by itself is started again. */
  function startWorker(): void {
    const url = new URL(database.ownerUrl)
    url.port = String(toDatabase.port)
    worker = spawn(process.execPath, [program, 'cache', 'invalidate'], {
      env: {
        PATH: process.env['PATH'],
        DIRECT_URL: url.href,
        REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
      },
      stdio: 'ignore',
    })
    worker.once('exit', (code) => {
      if (code !== null && !isOver) startWorker()
    })
  }

  it(
    'nobody reads anything older than the bound, whatever breaks meanwhile, and nothing stale is left',
    async () => {
      const connection = () => {
        const client = new Redis(`redis://127.0.0.1:${redis.port}`, {
          maxRetriesPerRequest: 0,
          commandTimeout: 200,
          retryStrategy: () => 50,
        })
        client.on('error', () => undefined)
        return client
      }
      const clients = [connection(), connection()] as const
      const stores: Store[] = [
        new RedisStore(clients[0], { boundMs }),
        new NearStore(
          new MemoryStore({ boundMs: boundMs / 2 }),
          new RedisStore(clients[1], { boundMs: boundMs / 2 }),
          clients[1],
          {
            everyMs: 100,
          },
        ),
      ]
      const caches = stores.map((store) => createCache({ store, boundMs }))
      for (const store of stores) {
        await expect
          .poll(async () => (await store.lookup('', [])).isConfirmed, { timeout: 30_000 })
          .toBe(true)
      }
      const staleness = new Staleness()
      const errors: unknown[] = []
      const overdue: string[] = []
      const end = performance.now() + 1_000 * seconds
      const written = new Array<number>(keys).fill(0)

      const read = async (cache: Cache, client: Client, id: number): Promise<number> =>
        cache.get(`counter:${id}`, { tags: [`counter:${id}`], ttl: 60_000 }, async () => {
          const { rows } = await client.query<{ value: number }>('SELECT value FROM counters WHERE id = $1', [
            id,
          ])
          return rows[0]?.value ?? -1
        })
      const write = async (writer: number): Promise<void> => {
        const client = await database.connect(database.ownerUrl)
        while (performance.now() < end) {
          // Each row has one writer.
          const id = writer + writers * Math.floor(Math.random() * (keys / writers))
          const { rows } = await client.query<{ value: number }>(
            'UPDATE counters SET value = value + 1 WHERE id = $1 RETURNING value',
            [id],
          )
          written[id] = rows[0]?.value ?? NaN
          staleness.committed(id, written[id], performance.now())
          await pause(5 + Math.random() * 40)
        }
      }
      const readOn = async (reader: number): Promise<void> => {
        const client = await database.connect(database.ownerUrl)
        const cache = caches[reader % caches.length]
        if (!cache) return
        while (performance.now() < end) {
          const id = Math.floor(Math.random() * keys)
          const asked = performance.now()
          try {
            const delay = staleness.read(id, await read(cache, client, id), asked)
            if (delay > boundMs)
              overdue.push(
                `${Math.round(delay)} ms by reader ${reader}, ${Math.round((end - asked) / 1_000)} s before the end`,
              )
          } catch (error) {
            errors.push(error)
          }
          await pause(1)
        }
      }
      /** Only the time since the last confirmation matters, so Redis's clock is moved by moving that. */
      const moveClock = (byMs: number) => clients[0].hincrby('hundredfold:state', 'confirmed', -byMs)
      const breakThings = async (): Promise<void> => {
        const part = (1_000 * seconds) / 12
        await pause(part)
        await redis.kill()
        await pause(part / 2)
        await redis.start()
        await pause(1.5 * part)
        worker?.kill('SIGKILL')
        await pause(1.5 * part)
        startWorker()
        await pause(part)
        toRedis.stall()
        await pause(1.5 * part)
        toRedis.resume()
        await pause(part / 2)
        toDatabase.cut()
        await moveClock(3_600_000)
        await pause(part)
        await moveClock(-3_600_000)
        await pause(part)
        toRedis.cut()
        toDatabase.stall()
        await pause(part)
        toDatabase.resume()
      }
      await Promise.all([
        ...Array.from({ length: writers }, (_, at) => write(at)),
        ...Array.from({ length: readers }, (_, at) => readOn(at)),
        breakThings(),
      ])
      const report = staleness.report()
      const counts = caches.map((cache) => cache.counts())
      expect(errors).toEqual([])
      expect(overdue).toEqual([])
      expect(report.reads).toBeGreaterThan(1_000)
      for (const { hits } of counts) expect(hits).toBeGreaterThan(100)
      // When all is calm again, everything is as the database has it.
      const client = await database.connect(database.ownerUrl)
      await expect
        .poll(async () => (await client.query('SELECT FROM hundredfold_cache.outbox')).rowCount, {
          timeout: 15_000,
        })
        .toBe(0)
      for (const store of stores) {
        await expect
          .poll(async () => (await store.lookup('', [])).isConfirmed, { timeout: 15_000 })
          .toBe(true)
      }
      for (const [at, cache] of caches.entries()) {
        for (let id = 0; id < keys; id += 1)
          expect(await read(cache, client, id), `cache ${at}`).toBe(written[id])
      }
      for (const cache of caches) await cache.close()
      for (const each of clients) each.disconnect()
    },
    1_000 * (seconds + 60),
  )
})
