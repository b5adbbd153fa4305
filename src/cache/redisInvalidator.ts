import { Redis } from 'ioredis'
import type { Invalidator } from './invalidator.ts'

/** Drops entries in the Redis at this URL. No command waits for a connection that is lost: it fails. */
export function redisInvalidator(url: string): Invalidator & { close(): Promise<void> } {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: 5_000,
    retryStrategy: () => null,
  })
  redis.on('error', () => undefined)
  const connected = async () => {
    if (redis.status === 'wait' || redis.status === 'end') await redis.connect()
  }
  return {
    async invalidate(tags) {
      await connected()
      await redis.eval(
        `for at = 1, #ARGV do redis.call('HINCRBY', KEYS[1], ARGV[at], 1) end`,
        1,
        'hundredfold:tags',
        ...tags,
      )
    },
    async begin() {
      await connected()
      const began = String((await redis.time())[0])
      return {
        confirm: async () => {
          await connected()
          await redis.set('hundredfold:confirmed', began)
        },
      }
    },
    async close() {
      redis.disconnect()
      await Promise.resolve()
    },
  }
}
