import { UsageError } from '../errors.ts'
import { errorCode } from '../postgres/sqlState.ts'

/**
 * Loads ioredis, which a project installs if it has a Redis.
 *
 * @throws UsageError where it is not installed
 */
export async function loadRedisClient() {
  try {
    return await import('ioredis')
  } catch (error) {
    if (errorCode(error) !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UsageError('The client of Redis, ioredis, is not installed.', 'Run `npm install ioredis`.', {
      cause: error,
    })
  }
}
