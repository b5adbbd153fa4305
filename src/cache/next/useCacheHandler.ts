import type { NextCacheSettings } from './entries.ts'
import { entriesIn } from './entries.ts'
import { Moments } from './moments.ts'
import { announcedNames } from './nextTag.ts'
import { outsideOfRendering } from './outsideOfRendering.ts'

interface Times {
  tags: string[]
  /** Seconds. */
  stale: number
  /** Milliseconds since 1970 at which its computation began. */
  timestamp: number
  /** Seconds for which it may be used. */
  expire: number
  /** Seconds after which Next computes a new one. */
  revalidate: number
}

/** What `'use cache'` stores. */
interface NextEntry extends Times {
  value: ReadableStream<Uint8Array>
}

interface Stored extends Times {
  bytes: Uint8Array
}

/** What `cacheHandlers` of next.config expects. */
export interface NextUseCacheHandler {
  get(key: string, softTags: string[]): Promise<NextEntry | undefined>
  set(key: string, pending: Promise<NextEntry>): Promise<void>
  refreshTags(): Promise<void>
  getExpiration(tags: string[]): Promise<number>
  updateTags(tags: string[]): Promise<void>
}

/**
 * The object for `cacheHandlers` of next.config: what `'use cache'` keeps. As with `createCacheHandler`, what the database
 * announces removes it in every process.
 *
 * ```js
 * // use-cache-handler.mjs
 * export default createUseCacheHandler({ store: new RedisStore(redis, { boundMs: 2_000 }), invalidator: redisInvalidator(url) })
 * ```
 */
export function createUseCacheHandler(settings: NextCacheSettings): NextUseCacheHandler {
  const entries = entriesIn(settings, 'use-cache')
  const moments = new Moments(settings.store)
  /** By key, what is being stored: whoever asks meanwhile waits for it. */
  const storing = new Map<string, Promise<void>>()

  const store = async (key: string, pending: Promise<NextEntry>): Promise<void> => {
    const { value, ...times } = await pending
    const bytes = new Uint8Array(await new Response(value).arrayBuffer())
    const start = moments.before(times.timestamp)
    if (start) await entries.keep(key, { ...times, bytes }, times.tags, start.at, times.expire)
  }

  return {
    async get(key, softTags) {
      await storing.get(key)
      const { value, start } = await entries.find<Stored>(key, softTags)
      if (start) outsideOfRendering(() => moments.add(start.at))
      if (!value) return undefined
      const { bytes, ...times } = value
      return { ...times, value: streamOf(bytes) }
    },
    async set(key, pending) {
      // An entry that breaks off is of no use, and Next reports it itself.
      const stored = store(key, pending).catch(() => undefined)
      storing.set(key, stored)
      await stored
      if (storing.get(key) === stored) storing.delete(key)
    },
    refreshTags: () => Promise.resolve(),
    // The tags of the path are judged by `get`.
    getExpiration: () => Promise.resolve(Infinity),
    updateTags: (tags) => outsideOfRendering(() => settings.invalidator.invalidate(announcedNames(tags))),
  }
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes)
      controller.close()
    },
  })
}
