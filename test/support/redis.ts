import type { RedisServer } from '../../src/servers/redis.ts'
import { startRedis as startRedisBy } from '../../src/servers/redis.ts'
import { programPath } from './engines.ts'

/** A Redis of one test file's own. */
export function startRedis(): Promise<RedisServer> {
  return startRedisBy(programPath('redis-server'))
}
