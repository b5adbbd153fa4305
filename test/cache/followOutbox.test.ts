import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { drainOutbox } from '../../src/cache/drainOutbox.ts'
import { followOutbox } from '../../src/cache/followOutbox.ts'
import type { Invalidator } from '../../src/cache/invalidator.ts'
import { announceChanges } from '../../src/operations/announceChanges.ts'
import { createCacheOutbox } from '../../src/operations/createCacheOutbox.ts'
import { parseTagTemplate } from '../../src/operations/tagTemplate.ts'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { engineIsMissing } from '../support/engines.ts'
import { versions } from '../support/versions.ts'

/** What does not depend on the version runs on the newest. */
const newest = versions.at(-1)?.version

/** A cache of one process: when each tag was last invalidated, and which rounds were confirmed. */
class Memory implements Invalidator {
  readonly invalidated = new Map<string, number>()
  readonly confirmed: { began: number; at: number }[] = []
  calls = 0
  /** Called before each answer. */
  delay: () => Promise<void> = () => Promise.resolve()

  async begin() {
    const began = performance.now()
    await this.delay()
    return {
      confirm: async () => {
        await this.delay()
        this.confirmed.push({ began, at: performance.now() })
      },
    }
  }

  async invalidate(tags: readonly string[]) {
    await this.delay()
    this.calls += 1
    for (const tag of tags) this.invalidated.set(tag, performance.now())
  }
}

describe.each(versions)('PostgreSQL $version', ({ version, engine }) => {
  describe.skipIf(engine !== undefined && engineIsMissing(engine))('', () => {
    let server: Server
    let writer: Client
    let stop: AbortController
    let workers: Promise<void>[]
    let opened: Client[]
    let heard: string[]
    let isReachable = true

    beforeAll(async () => {
      server = await startEmbedded({ version })
      writer = await connect(server.url())
      await writer.query('CREATE TABLE public.items (id integer PRIMARY KEY)')
      const table = { schema: 'public', name: 'items' }
      const made = [
        createCacheOutbox(),
        announceChanges({ table, tags: [parseTagTemplate('item:{id}')], descendants: [], hasDates: false }),
      ]
      for (const { up } of made) for (const statement of up) await writer.query(statement)
    })
    afterAll(async () => {
      await writer.end()
      await server.stop()
    })
    beforeEach(async () => {
      ;[stop, workers, opened, heard] = [new AbortController(), [], [], []]
      await writer.query('TRUNCATE public.items; TRUNCATE hundredfold_cache.outbox')
    })
    afterEach(async () => {
      stop.abort()
      await Promise.all(workers)
    })

    const once = test.skipIf(version !== newest)
    const open = async () => {
      if (!isReachable) throw new Error('no server answers')
      const client = await connect(server.url(), { answerTimeoutMs: 10_000 })
      opened.push(client)
      return client
    }
    const follow = (invalidator: Invalidator) => {
      const worker = followOutbox({
        ...{ connect: open, invalidator, signal: stop.signal },
        onOutage: (reason) => heard.push(reason),
        onRecovery: () => heard.push('recovered'),
      })
      workers.push(worker)
      return worker
    }
    const insert = (from: number, to = from) =>
      writer.query('INSERT INTO public.items SELECT generate_series($1::int, $2::int)', [from, to])
    const rowsLeft = async () =>
      (await writer.query<{ n: number }>('SELECT count(*)::int AS n FROM hundredfold_cache.outbox')).rows[0]
        ?.n

    once('a commit is invalidated at once, and confirmed twice a second while nothing happens', async () => {
      const memory = new Memory()
      void follow(memory)
      await expect.poll(() => memory.confirmed.length).toBeGreaterThan(0)
      await insert(1)
      const committed = performance.now()
      await expect.poll(() => memory.invalidated.get('item:1'), { interval: 2 }).toBeDefined()
      // Far below the time between two looks: the announcement woke it.
      expect((memory.invalidated.get('item:1') ?? Infinity) - committed).toBeLessThan(300)
      await expect.poll(rowsLeft).toBe(0)
      const before = memory.confirmed.length
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      expect(memory.confirmed.length - before).toBeGreaterThanOrEqual(3)
    })

    test('two workers at once invalidate every change, and confirm none before', async () => {
      const memory = new Memory()
      memory.delay = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 8))
      void follow(memory)
      void follow(memory)
      const turns = version === newest ? 250 : 50
      const committed = new Map<string, number>()
      const writers = await Promise.all(Array.from({ length: 8 }, () => connect(server.url())))
      await Promise.all(
        writers.map(async (client, at) => {
          for (let turn = 0; turn < turns; turn += 1) {
            const id = at * 1_000 + turn
            await client.query('BEGIN')
            await client.query('INSERT INTO public.items VALUES ($1)', [id])
            // Transactions end in another order than they took their numbers.
            if (turn % 10 === at) await new Promise((resolve) => setTimeout(resolve, 15))
            await client.query('COMMIT')
            committed.set(`item:${id}`, performance.now())
          }
          await client.end()
        }),
      )
      const ended = performance.now()
      await expect.poll(() => memory.confirmed.at(-1)?.began ?? 0, { timeout: 20_000 }).toBeGreaterThan(ended)
      expect(committed.size).toBe(8 * turns)
      const early = [...committed].filter(([tag, at]) => {
        const invalidated = memory.invalidated.get(tag) ?? Infinity
        return memory.confirmed.some((round) => round.began > at && round.at < invalidated)
      })
      expect(early).toEqual([])
      expect([...committed.keys()].filter((tag) => !memory.invalidated.has(tag))).toEqual([])
      // There were confirmations to go wrong while writers wrote.
      expect(memory.confirmed.filter(({ began }) => began < ended).length).toBeGreaterThan(1)
      expect(heard).toEqual([])
    })

    test('what another worker holds is neither waited for nor confirmed', async () => {
      await insert(1)
      await insert(2)
      const holder = await open()
      await holder.query('BEGIN; SELECT FROM hundredfold_cache.outbox ORDER BY id LIMIT 1 FOR UPDATE')
      const memory = new Memory()
      void follow(memory)
      await expect.poll(() => memory.invalidated.has('item:2')).toBe(true)
      await new Promise((resolve) => setTimeout(resolve, 600))
      expect(memory.invalidated.has('item:1')).toBe(false)
      expect(memory.confirmed).toEqual([])
      // It dies without having said so: the row is free for us.
      await holder.end()
      await expect.poll(() => memory.confirmed.length).toBeGreaterThan(0)
      expect(memory.invalidated.has('item:1')).toBe(true)
    })

    test('a worker cut off between invalidation and commit does it again', async () => {
      await insert(1)
      const memory = new Memory()
      const client = await open()
      const cutOff = {
        async invalidate(tags: readonly string[]) {
          await memory.invalidate(tags)
          await writer.query('SELECT pg_terminate_backend($1)', [
            (client as Client & { processID: number }).processID,
          ])
        },
      }
      await expect(drainOutbox(client, cutOff)).rejects.toThrow()
      expect(memory.calls).toBe(1)
      await expect.poll(rowsLeft).toBe(1)
      expect(await drainOutbox(await open(), memory)).toEqual({ changes: 1, tags: 1, isComplete: true })
      expect(memory.calls).toBe(2)
      expect(await rowsLeft()).toBe(0)
    })

    once('after a lost connection it goes on, says so once, and confirms nothing meanwhile', async () => {
      const memory = new Memory()
      void follow(memory)
      await expect.poll(() => memory.confirmed.length).toBeGreaterThan(0)
      isReachable = false
      await writer.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
        AND backend_type = 'client backend'`)
      await expect.poll(() => heard.length).toBe(1)
      const before = memory.confirmed.length
      await insert(1)
      await new Promise((resolve) => setTimeout(resolve, 800))
      expect(memory.confirmed).toHaveLength(before)
      isReachable = true
      await expect.poll(() => memory.invalidated.has('item:1'), { timeout: 8_000 }).toBe(true)
      await expect.poll(() => heard).toEqual([expect.stringMatching(/terminat|lost/), 'recovered'])
    })

    once(
      'a cache that fails or hangs stops no writer, and is told again',
      async () => {
        const memory = new Memory()
        memory.delay = () => Promise.reject(new Error('no room'))
        void follow(memory)
        await insert(1)
        await expect.poll(() => heard).toEqual(['the cache failed: no room'])
        memory.delay = () => Promise.resolve()
        await expect.poll(() => memory.confirmed.length, { timeout: 5_000 }).toBeGreaterThan(0)
        expect(memory.invalidated.has('item:1')).toBe(true)
        memory.delay = () => new Promise(() => undefined)
        await writer.query(`SET lock_timeout = '1s'`)
        for (let id = 2; id < 300; id += 1) await insert(id)
        await writer.query('RESET lock_timeout')
        memory.delay = () => Promise.resolve()
        // The call that hangs is given up, and the rows that it held come again.
        await expect.poll(() => memory.invalidated.has('item:299'), { timeout: 10_000 }).toBe(true)
        await expect
          .poll(() => heard.slice(-2))
          .toEqual(['the cache failed: no answer within 5 s', 'recovered'])
      },
      30_000,
    )

    once('it ends at once, also while the cache hangs, and holds nothing', async () => {
      const memory = new Memory()
      const worker = follow(memory)
      await expect.poll(() => memory.confirmed.length).toBeGreaterThan(0)
      let asked = 0
      memory.delay = () => {
        asked += 1
        return new Promise(() => undefined)
      }
      await insert(1)
      await expect.poll(() => asked).toBeGreaterThan(0)
      const began = performance.now()
      stop.abort()
      await worker
      expect(performance.now() - began).toBeLessThan(1_000)
      await writer.query(`SET lock_timeout = '5s'; DELETE FROM hundredfold_cache.outbox; RESET lock_timeout`)
    })
  })
})
