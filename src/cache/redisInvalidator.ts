import type { Redis } from 'ioredis'
import { everyTag } from '../catalog/cacheChannel.ts'
import type { Invalidator, Round } from './invalidator.ts'
import { loadRedisClient } from './redisClient.ts'
import { defaultPrefix, newEpoch, redisKeys } from './redisKeys.ts'
import { beginScript, confirmScript, invalidateScript } from './redisScripts.ts'
import { runScript } from './runScript.ts'

/** A round that takes longer is not confirmed: the next one is. */
const longestRoundMs = 1_000
const commandTimeoutMs = 2_000

interface RedisInvalidator extends Invalidator {
  close(): Promise<void>
}

/** Invalidates in Redis, and in the memory of all processes that listen to it. A command that is not answered in time fails. */
export function redisInvalidator(url: string, { prefix = defaultPrefix } = {}): RedisInvalidator {
  const keys = redisKeys(prefix)
  let connection: Promise<Redis> | undefined
  const connected = () => (connection ??= connect(url))
  const run = async (script: string, ...args: (string | number)[]): Promise<unknown> =>
    runScript(await connected(), script, [keys.state], [newEpoch(), ...args])
  return {
    async begin(): Promise<Round> {
      const process = /^run_id:(\w+)/m.exec(await (await connected()).info('server'))?.[1] ?? ''
      const began = String(await run(beginScript, process, keys.channel))
      return {
        confirm: async () => void (await run(confirmScript, began, longestRoundMs)),
      }
    },
    async invalidate(tags) {
      if (tags.length === 0) return
      const all = tags.includes(everyTag) ? 1 : 0
      const shown = all ? [everyTag] : tags
      await run(invalidateScript, keys.tags, keys.channel, JSON.stringify(shown), all, ...(all ? [] : tags))
    },
    async close() {
      const redis = await connection?.catch(() => undefined)
      redis?.disconnect()
    },
  }
}

/** The client is loaded when it is needed, so that applications without Redis need not install it. */
async function connect(url: string): Promise<Redis> {
  const { Redis } = await loadRedisClient()
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: true,
    maxRetriesPerRequest: 1,
    commandTimeout: commandTimeoutMs,
  })
  // Failures of the connection come back from the commands.
  redis.on('error', () => undefined)
  return redis
}
