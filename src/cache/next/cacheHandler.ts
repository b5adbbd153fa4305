import type { NextCacheSettings } from './entries.ts'
import { entriesIn } from './entries.ts'
import { announcedNames } from './nextTag.ts'
import { outsideOfRendering } from './outsideOfRendering.ts'

/** As far as it matters here, what Next stores: a page, the answer of a route, data of `fetch` or `unstable_cache`, an image. */
interface NextValue {
  kind: string
  headers?: Record<string, unknown>
}

interface CacheControl {
  revalidate: number | false
  expire?: number
}

interface Stored {
  lastModified: number
  value: NextValue
  cacheControl?: CacheControl
}

interface Context {
  tags?: string[]
  softTags?: string[]
  cacheControl?: CacheControl
}

/** What `cacheHandler` of next.config expects. */
export type NextCacheHandler = new (context?: unknown) => {
  get(key: string, context?: Context): Promise<Stored | null>
  set(key: string, value: NextValue | null, context?: Context): Promise<void>
  revalidateTag(tags: string | string[]): Promise<void>
  resetRequestCache(): void
}

const tagsHeader = 'x-next-cache-tags'

/**
 * The class for `cacheHandler` of next.config: pages, answers of route handlers, `fetch` and `unstable_cache`. What the
 * database announces removes them in every process. A store that is down or that nobody confirms is passed by: pages are
 * rendered anew.
 *
 * ```js
 * // cache-handler.mjs
 * export default createCacheHandler({ store: new RedisStore(redis, { boundMs: 2_000 }), invalidator: redisInvalidator(url) })
 * // next.config.mjs
 * export default { cacheHandler: fileURLToPath(new URL('cache-handler.mjs', import.meta.url)), cacheMaxMemorySize: 0 }
 * ```
 */
export function createCacheHandler(settings: NextCacheSettings): NextCacheHandler {
  const entries = entriesIn(settings, 'next')
  // Next makes an instance for each request.
  return class {
    /** When this request first asked for a key: nothing that it computes for the key began earlier. */
    readonly #starts = new Map<string, unknown>()

    async get(key: string, { tags = [], softTags = [] }: Context = {}): Promise<Stored | null> {
      const { value, start } = await entries.find<Stored>(key, [...tags, ...softTags])
      if (start && !this.#starts.has(key)) this.#starts.set(key, start.at)
      return value ?? null
    }

    async set(key: string, value: NextValue | null, { tags, cacheControl }: Context = {}): Promise<void> {
      // Of a page that was not found, Next does not say on which tags that hangs.
      if (value === null || !this.#starts.has(key)) return
      const stored = {
        lastModified: outsideOfRendering(Date.now),
        value,
        ...(cacheControl ? { cacheControl } : {}),
      }
      await entries.keep(
        key,
        stored,
        tags ?? tagsIn(value),
        this.#starts.get(key),
        cacheControl?.expire ?? Infinity,
      )
    }

    async revalidateTag(tags: string | string[]): Promise<void> {
      await outsideOfRendering(() => settings.invalidator.invalidate(announcedNames([tags].flat())))
    }

    resetRequestCache(): void {
      // Everything of a request is in its instance.
    }
  }
}

function tagsIn({ headers }: NextValue): string[] {
  const tags = headers?.[tagsHeader]
  return typeof tags === 'string' && tags !== '' ? tags.split(',') : []
}
