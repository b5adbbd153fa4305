import { Redis } from 'ioredis'
import { MemoryStore } from '../../../src/cache/memoryStore.ts'
import type { Invalidator } from '../../../src/cache/invalidator.ts'
import { redisInvalidator } from '../../../src/cache/redisInvalidator.ts'
import { RedisStore } from '../../../src/cache/redisStore.ts'
import type { Store } from '../../../src/cache/store.ts'
import type { RedisServer } from '../../../src/servers/redis.ts'
import { startRedis } from '../../support/redis.ts'

const boundMs = 60_000

/** A store that is confirmed, and what drops its entries. */
export interface Place {
  store: Store
  invalidator: Invalidator
  /** Redis, where it is there. */
  redis?: RedisServer
  close(): Promise<void>
}

async function confirm(invalidator: Invalidator): Promise<void> {
  await (await invalidator.begin()).confirm()
}

/** A store in Redis, or in memory. */
export async function openPlace(kind: 'redis' | 'memory'): Promise<Place> {
  if (kind === 'memory') {
    const store = new MemoryStore({ boundMs })
    await confirm(store)
    return { store, invalidator: store, close: () => store.close() }
  }
  const server = await startRedis()
  const redis = new Redis(server.url, {
    maxRetriesPerRequest: 0,
    commandTimeout: 500,
    retryStrategy: () => 50,
  })
  redis.on('error', () => undefined)
  const store = new RedisStore(redis, { boundMs })
  const invalidator = redisInvalidator(server.url)
  // Of the first confirmation that a process sees, it does not know the age.
  await store.lookup('', [])
  await confirm(invalidator)
  return {
    store,
    invalidator,
    redis: server,
    async close() {
      await store.close()
      redis.disconnect()
      await invalidator.close()
      await server.stop()
    },
  }
}
