import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Cache, CacheOptions } from '../../src/cache/cache.ts'
import { createCache } from '../../src/cache/cache.ts'
import { MemoryStore } from '../../src/cache/memoryStore.ts'
import { NearStore } from '../../src/cache/nearStore.ts'
import { redisInvalidator } from '../../src/cache/redisInvalidator.ts'
import { RedisStore } from '../../src/cache/redisStore.ts'
import type { Invalidator } from '../../src/cache/invalidator.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { RedisServer } from '../../src/servers/redis.ts'
import { startRedis } from '../support/redis.ts'

const boundMs = 1_000
const minute = 60_000
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function confirm(invalidator: Invalidator): Promise<void> {
  await (await invalidator.begin()).confirm()
}

/** A value that says how often it was computed. */
function counted(): { load: () => Promise<number>; loads: () => number } {
  let loads = 0
  return {
    load: async () => {
      loads += 1
      const value = loads
      await pause(20)
      return value
    },
    loads: () => loads,
  }
}

describe('a cache in memory', () => {
  let now: number
  let store: MemoryStore
  let cache: Cache

  beforeEach(async () => {
    now = 0
    store = new MemoryStore({ boundMs, most: 3, now: () => now })
    cache = createCache({ store, random: () => 0.5 })
    await confirm(store)
  })

  const options: CacheOptions<number> = { tags: ['professional:1'], ttl: minute }

  it('computes a value once, until one of its tags changes', async () => {
    const { load } = counted()
    expect(await cache.get('a', options, load)).toBe(1)
    expect(await cache.get('a', options, load)).toBe(1)
    await store.invalidate(['professional:2'])
    expect(await cache.get('a', options, load)).toBe(1)
    await store.invalidate(['professional:1'])
    expect(await cache.get('a', options, load)).toBe(2)
    await store.invalidate(['*'])
    expect(await cache.get('a', options, load)).toBe(3)
    expect(cache.counts()).toMatchObject({ hits: 2, misses: 3 })
  })

  it('computes a value once for all who ask meanwhile, but not for who may know of a change since', async () => {
    const { load } = counted()
    const before = [cache.get('a', options, load), cache.get('a', options, load)]
    await pause(5)
    await store.invalidate(['professional:1'])
    const after = [cache.get('a', options, load), cache.get('a', options, load)]
    expect(await Promise.all(before)).toEqual([1, 1])
    expect(await Promise.all(after)).toEqual([2, 2])
    expect(await cache.get('a', options, load)).toBe(2)
    expect(cache.counts()).toMatchObject({ shared: 2, outdated: 1 })
  })

  it('does not keep what fails', async () => {
    const failing = () => Promise.reject(new Error('the database is down'))
    await expect(cache.get('a', options, failing)).rejects.toThrow('the database is down')
    expect(await cache.get('a', options, () => Promise.resolve(7))).toBe(7)
  })

  it('learns the tags from the value', async () => {
    let city = 7
    const load = () => Promise.resolve({ city })
    const byCity = { tags: (value: { city: number }) => [`city:${value.city}`], ttl: minute }
    expect(await cache.get('a', byCity, load)).toEqual({ city: 7 })
    city = 8
    expect(await cache.get('a', byCity, load)).toEqual({ city: 7 })
    await store.invalidate(['city:7'])
    expect(await cache.get('a', byCity, load)).toEqual({ city: 8 })
  })

  it('uses what is past its time while it computes anew, but never what has changed', async () => {
    const { load, loads } = counted()
    const patient = { ...options, ttl: 10_000, staleFor: 10_000 }
    expect(await cache.get('a', patient, load)).toBe(1)
    now = 15_000
    await confirm(store)
    expect(await cache.get('a', patient, load)).toBe(1)
    await pause(40)
    expect(await cache.get('a', patient, load)).toBe(2)
    now = 30_000
    await confirm(store)
    await store.invalidate(['professional:1'])
    expect(await cache.get('a', patient, load)).toBe(3)
    expect(loads()).toBe(3)
  })

  it('keeps what is not there, for its own time', async () => {
    let loads = 0
    const nobody = () => {
      loads += 1
      return Promise.resolve(undefined)
    }
    const absent = { tags: ['professional:9'], ttl: minute, negativeTtl: 5_000 }
    expect(await cache.get('none', absent, nobody)).toBeUndefined()
    expect(await cache.get('none', absent, nobody)).toBeUndefined()
    expect(loads).toBe(1)
    now = 6_000
    await confirm(store)
    await cache.get('none', absent, nobody)
    expect(loads).toBe(2)
    await cache.get('never', { ...absent, negativeTtl: 0 }, () => Promise.resolve(null))
    expect(await cache.get('never', absent, () => Promise.resolve(1))).toBe(1)
  })

  it('goes past what nobody has confirmed in time', async () => {
    const { load } = counted()
    await cache.get('a', options, load)
    now = boundMs + 1
    expect(await cache.get('a', options, load)).toBe(2)
    await confirm(store)
    expect(await cache.get('a', options, load)).toBe(1)
    expect(cache.counts().bypassed).toBe(1)
  })

  it('drops what was not used for longest', async () => {
    const { load, loads } = counted()
    for (const key of ['a', 'b', 'c', 'a', 'd']) await cache.get(key, options, load)
    await cache.get('a', options, load)
    expect(loads()).toBe(4)
    await cache.get('b', options, load)
    expect(loads()).toBe(5)
  })

  it('refuses a life longer than a day', async () => {
    await expect(cache.get('a', { ...options, ttl: 86_400_001 }, () => Promise.resolve(1))).rejects.toThrow(
      'a day at most',
    )
  })

  it('spreads the ends of entries over a fifth of their time', async () => {
    const ends: number[] = []
    const recording = createCache({
      store: { ...wrap(store), put: (_, { freshMs }) => Promise.resolve(ends.push(freshMs) > 0) },
    })
    for (let at = 0; at < 200; at += 1) await recording.get(`${at}`, options, () => Promise.resolve(at))
    expect(Math.min(...ends)).toBeGreaterThanOrEqual(0.9 * minute)
    expect(Math.max(...ends)).toBeLessThanOrEqual(1.1 * minute)
    expect(Math.max(...ends) - Math.min(...ends)).toBeGreaterThan(0.15 * minute)
  })
})

function wrap(store: MemoryStore) {
  return {
    lookup: store.lookup.bind(store),
    put: store.put.bind(store),
    hasSeen: store.hasSeen.bind(store),
    close: store.close.bind(store),
  }
}

describe.skipIf(engineIsMissing('redis-server'))('a cache in Redis', () => {
  let server: RedisServer
  let redis: Redis
  let store: RedisStore
  let invalidator: ReturnType<typeof redisInvalidator>
  let cache: Cache
  let outages: (string | undefined)[]
  let confirming: NodeJS.Timeout | undefined

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  beforeEach(async () => {
    outages = []
    redis = connection()
    await redis.flushall()
    store = new RedisStore(redis, { boundMs })
    invalidator = redisInvalidator(server.url)
    cache = createCache({ store, onOutage: (error) => outages.push(error?.message) })
    startConfirming()
    await confirmed()
  })
  afterEach(async () => {
    clearInterval(confirming)
    await cache.close()
    await invalidator.close()
    redis.disconnect()
  })

  function connection(): Redis {
    const client = new Redis(server.url, {
      maxRetriesPerRequest: 0,
      commandTimeout: 200,
      retryStrategy: () => 50,
    })
    client.on('error', () => undefined)
    return client
  }

  function startConfirming(): void {
    confirming = setInterval(() => void confirm(invalidator).catch(() => undefined), 100)
  }

  async function confirmed(): Promise<void> {
    while (!(await store.hasBeenConfirmed().catch(() => false))) await pause(20)
  }

  const options = { tags: ['professional:1', 'city:ü "x":{y}\n'], ttl: minute }

  it('is shared by processes, and drops an entry when one of its tags changes, however odd', async () => {
    const { load, loads } = counted()
    const other = new RedisStore(connection(), { boundMs })
    while (!(await other.hasBeenConfirmed())) await pause(20)
    const elsewhere = createCache({ store: other })
    expect(await cache.get('a', options, load)).toBe(1)
    expect(await elsewhere.get('a', options, load)).toBe(1)
    await invalidator.invalidate(['city:ü "x":{y}\n'])
    expect(await elsewhere.get('a', options, load)).toBe(2)
    expect(await cache.get('a', options, load)).toBe(2)
    await invalidator.invalidate(['*'])
    expect(await cache.get('a', options, load)).toBe(3)
    expect(loads()).toBe(3)
    await elsewhere.close()
  })

  it('keeps values to the letter', async () => {
    for (const [at, value] of [{ a: [1, null, 'ü\u0000"'] }, null, undefined, 0, '', 'undefined'].entries()) {
      await cache.get<unknown>(`v${at}`, options, () => Promise.resolve(value))
      const second = await cache.get<unknown>(`v${at}`, options, () => Promise.reject(new Error('not kept')))
      expect(second).toEqual(value)
    }
  })

  it('goes to the database while Redis is down, once for all who ask, and uses nothing from before afterwards', async () => {
    const { load, loads } = counted()
    await cache.get('a', options, load)
    await server.kill()
    const during = await Promise.all(Array.from({ length: 20 }, () => cache.get('a', options, load)))
    expect(new Set(during)).toEqual(new Set([2]))
    expect(outages).toHaveLength(1)
    await server.start()
    await confirmed()
    expect(await cache.get('a', options, load)).toBe(3)
    expect(await cache.get('a', options, load)).toBe(3)
    expect(loads()).toBe(3)
    expect(outages.at(-1)).toBeUndefined()
  })

  it('goes to the database while nobody confirms', async () => {
    const { load } = counted()
    await cache.get('a', options, load)
    clearInterval(confirming)
    await pause(boundMs + 200)
    expect(await cache.get('a', options, load)).toBe(2)
    startConfirming()
    await confirmed()
    expect(await cache.get('a', options, load)).toBe(1)
  })

  it('does not trust a confirmation that was under way for too long, or a clock that was moved', async () => {
    clearInterval(confirming)
    const late = await invalidator.begin()
    await pause(1_100)
    const beats = Number(await redis.hget('hundredfold:state', 'beat'))
    await late.confirm()
    expect(Number(await redis.hget('hundredfold:state', 'beat'))).toBe(beats)
    const key = 'hundredfold:state:confirmed'
    const [epoch = '', , beat = ''] = (await redis.get(key))?.split(' ') ?? []
    const { load, loads } = counted()
    // Redis's clock went back by an hour after the last confirmation.
    await redis.set(key, `${epoch} ${Date.now() + 3_600_000} ${beat}`)
    expect(await store.hasBeenConfirmed()).toBe(false)
    await cache.get('a', options, load)
    // By a little less than the time since: then only this process's own clock knows.
    await redis.set(key, `${epoch} ${Date.now() - 10} ${beat}`)
    expect(await store.hasBeenConfirmed()).toBe(false)
    await cache.get('a', options, load)
    expect(loads()).toBe(2)
  })

  it('makes everything useless where the Redis process is another one', async () => {
    const { load } = counted()
    await cache.get('a', options, load)
    await redis.hset('hundredfold:state', 'run', 'another')
    await confirm(invalidator)
    expect(await cache.get('a', options, load)).toBe(2)
  })

  it('tells of wrong credentials without them', async () => {
    const url = new URL(server.url)
    url.username = 'nobody'
    url.password = 'hush'
    const denied = redisInvalidator(url.href)
    await expect(denied.invalidate(['a'])).rejects.toThrow(expect.not.stringContaining('hush') as Error)
    await denied.close()
  })

  it('keeps the most used in memory, which hears of each change', async () => {
    const near = new MemoryStore({ boundMs })
    const both = new NearStore(near, store, redis, { everyMs: 50 })
    const twice = createCache({ store: both })
    const { load, loads } = counted()
    await twice.get('a', options, load)
    while (!(await near.lookup('a', [])).isConfirmed) await pause(20)
    await twice.get('a', options, load)
    expect((await near.lookup('a', [])).found?.value).toBe('1')
    await invalidator.invalidate(['professional:1'])
    while ((await near.lookup('a', [])).found) await pause(5)
    expect(await twice.get('a', options, load)).toBe(loads())
    expect(loads()).toBe(2)
    await both.close()
  })
})
