import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readTogether } from '../../src/cache/readTogether.ts'
import type { RedisServer } from '../../src/servers/redis.ts'
import { engineIsMissing } from '../support/engines.ts'
import { startRedis } from '../support/redis.ts'

describe.skipIf(engineIsMissing('redis-server'))('keys read together', () => {
  let server: RedisServer
  let redis: Redis

  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.url)
    await redis.mset({ a: '1', b: '2', c: '3' })
  })
  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })

  const countReads = async (): Promise<number> =>
    Number(/cmdstat_mget:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)

  test('everybody gets the values of his own keys, from one command', async () => {
    const read = readTogether(redis)
    const before = await countReads()
    expect(await Promise.all([read(['a', 'b']), read(['missing', 'a']), read(['c', 'c'])])).toEqual([
      ['1', '2'],
      [null, '1'],
      ['3', '3'],
    ])
    expect(await countReads()).toBe(before + 1)
  })

  test('who asks while an answer is on its way gets a later one', async () => {
    const read = readTogether(redis)
    const first = read(['a'])
    await new Promise(setImmediate)
    const written = redis.set('a', '4')
    expect(await read(['a'])).toEqual(['4'])
    expect(await first).toEqual(['1'])
    await written
  })

  test('many keys go in several commands', async () => {
    const read = readTogether(redis)
    const before = await countReads()
    const keys = Array.from({ length: 1_000 }, (_, at) => `many:${at}`)
    await redis.mset(Object.fromEntries(keys.map((key) => [key, key])))
    expect(await Promise.all(keys.map((key) => read([key])))).toEqual(keys.map((key) => [key]))
    expect(await countReads()).toBe(before + 4)
  })

  test('an error reaches everybody who asked', async () => {
    const closed = new Redis(server.url, {
      lazyConnect: true,
      retryStrategy: null,
      enableOfflineQueue: false,
    })
    const read = readTogether(closed)
    const answers = await Promise.allSettled([read(['a']), read(['b'])])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    closed.disconnect()
  })
})
