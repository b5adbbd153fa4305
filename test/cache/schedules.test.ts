import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Invalidator } from '../../src/cache/invalidator.ts'
import { MemoryStore } from '../../src/cache/memoryStore.ts'
import { redisInvalidator } from '../../src/cache/redisInvalidator.ts'
import { defaultPrefix } from '../../src/cache/redisKeys.ts'
import { RedisStore } from '../../src/cache/redisStore.ts'
import type { Store } from '../../src/cache/store.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { RedisServer } from '../../src/servers/redis.ts'
import { startRedis } from '../support/redis.ts'

/** Who does something, in which order: each letter is the next step of one of them. */
type Schedule = readonly string[]

/** All orders in which several can take so many steps each. */
function* schedulesOf(steps: Record<string, number>): Generator<Schedule> {
  const left = Object.entries(steps).filter(([, count]) => count > 0)
  if (left.length === 0) yield []
  for (const [who, count] of left) {
    for (const rest of schedulesOf({ ...steps, [who]: count - 1 })) yield [who, ...rest]
  }
}

interface Place {
  store: Store
  invalidator: Invalidator
  /** Lets the store forget what it may forget, such as the version of a tag. */
  evict?: (tag: string) => Promise<void>
}

/**
 * Carries out a schedule: fills (lookup, read the database, store) and writes (commit, invalidate) of one value, whose number
 * of commits it is. Says which fill got or left a value that is older than the newest write that was invalidated by then.
 */
async function staleIn(
  place: Place,
  schedule: Schedule,
  name: string,
  knowsTags: boolean,
): Promise<string | undefined> {
  const { store, invalidator } = place
  const tag = `tag:${name}`
  let committed = 0
  let invalidated = 0
  const starts = new Map<string, { start: unknown; isOver: boolean; value?: number }>()
  const commits = new Map<string, number>()
  for (const [at, who] of schedule.entries()) {
    if (who.startsWith('fill')) {
      const fill = starts.get(who)
      if (!fill) {
        const { found, start } = await store.lookup(name, knowsTags ? [tag] : [])
        if (found && Number(found.value) < invalidated) return `${who} reads ${found.value} at step ${at}`
        starts.set(who, { start, isOver: found !== undefined })
      } else if (!fill.isOver && fill.value === undefined) {
        fill.value = committed
      } else if (!fill.isOver) {
        await store.put(
          name,
          { value: `${fill.value}`, tags: [tag], freshMs: 60_000, keepMs: 60_000 },
          fill.start,
        )
      }
    } else if (who.startsWith('write')) {
      const commit = commits.get(who)
      if (commit === undefined) {
        committed += 1
        commits.set(who, committed)
      } else {
        await invalidator.invalidate([tag])
        invalidated = Math.max(invalidated, commit)
      }
    } else if (who === 'evict') {
      await place.evict?.(tag)
    }
  }
  const { found } = await store.lookup(name, [tag])
  if (found && Number(found.value) < invalidated)
    return `${found.value} is left, ${invalidated} is the newest`
  return undefined
}

async function findStale(
  place: Place,
  steps: Record<string, number>,
  name: string,
): Promise<{ stale: string[]; count: number }> {
  const stale: string[] = []
  const all = [...schedulesOf(steps)]
  const together = 200
  for (const knowsTags of [true, false]) {
    for (let at = 0; at < all.length; at += together) {
      const some = all.slice(at, at + together)
      const found = await Promise.all(
        some.map((schedule, number) =>
          staleIn(place, schedule, `${name}:${knowsTags}:${at + number}`, knowsTags),
        ),
      )
      for (const [number, text] of found.entries()) {
        if (text !== undefined) stale.push(`${some[number]?.join(' ')}: ${text}`)
      }
    }
  }
  return { stale, count: all.length }
}

describe('in memory, of all orders of two fills and two writes', () => {
  it('none leaves or reads a value from before a change', async () => {
    const store = new MemoryStore({ boundMs: 1_000, most: 100_000 })
    const { stale, count } = await findStale(
      { store, invalidator: store },
      { fill1: 3, fill2: 3, write1: 2, write2: 2 },
      'memory',
    )
    expect(stale).toEqual([])
    expect(count).toBe(25_200)
  })

  it('a store that takes every value is found out', async () => {
    const store = new MemoryStore({ boundMs: 1_000, most: 100_000 })
    const careless: Store<number> = {
      lookup: async (key, tags) => ({ ...(await store.lookup(key, tags)), start: Infinity }),
      put: (key, entry, start) => store.put(key, entry, start),
      hasSeen: () => true,
      close: () => store.close(),
    }
    const { stale } = await findStale(
      { store: careless, invalidator: store },
      { fill1: 3, write1: 2 },
      'careless',
    )
    expect(stale.length).toBeGreaterThan(0)
  })
})

describe.skipIf(engineIsMissing('redis-server'))('in Redis, of all orders of', () => {
  let server: RedisServer
  let redis: Redis
  let store: RedisStore
  let invalidator: ReturnType<typeof redisInvalidator>

  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.url)
    store = new RedisStore(redis, { boundMs: 1_000 })
    invalidator = redisInvalidator(server.url)
  })
  afterAll(async () => {
    await store.close()
    await invalidator.close()
    redis.disconnect()
    await server.stop()
  })

  it.each<{ what: string; steps: Record<string, number>; many: number }>([
    { what: 'two fills and a write', steps: { fill1: 3, fill2: 3, write1: 2 }, many: 560 },
    { what: 'a fill and two writes', steps: { fill1: 3, write1: 2, write2: 2 }, many: 210 },
    {
      what: 'two fills, a write and a tag that is forgotten',
      steps: { fill1: 3, fill2: 3, write1: 2, evict: 1 },
      many: 5_040,
    },
  ])('$what, none leaves or reads a value from before a change', async ({ what, steps, many }) => {
    const place: Place = {
      store,
      invalidator,
      evict: async (tag) => void (await redis.del(`${defaultPrefix}:tag:${tag}`)),
    }
    const { stale, count } = await findStale(place, steps, what)
    expect(stale).toEqual([])
    expect(count).toBe(many)
  })
})
