import { redisInvalidator, RedisStore } from 'hundredfold/cache'
import { Redis } from 'ioredis'

const url = process.env.REDIS_URL
const redis = new Redis(url, { maxRetriesPerRequest: 0, commandTimeout: 200, retryStrategy: () => 100 })
redis.on('error', () => undefined)

/** Of both handlers. No page shows anything that is older than two seconds. */
export const settings = {
  store: new RedisStore(redis, { boundMs: 2_000 }),
  invalidator: redisInvalidator(url),
  onOutage: (error) =>
    console.warn(error ? `The cache does not answer: ${error.message}` : 'The cache answers again.'),
}
