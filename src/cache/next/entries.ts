import type { Invalidator } from '../invalidator.ts'
import type { Store } from '../store.ts'
import { longestLifeMs } from '../store.ts'
import { announcedNames } from './nextTag.ts'
import { outsideOfRendering } from './outsideOfRendering.ts'
import { pack, unpack } from './packed.ts'

/** What both kinds of cache handler need. */
export interface NextCacheSettings {
  /** A `RedisStore`, or a `MemoryStore` where there is one process. */
  store: Store
  /** Where `revalidateTag`, `revalidatePath` and `updateTag` of the application go: the same Redis, or the `MemoryStore`. */
  invalidator: Pick<Invalidator, 'invalidate'>
  /** Told once per outage that the store does not answer, and once when it does again. */
  onOutage?: (error: Error | undefined) => void
}

/** What was found under a key, and the moment from which on a new value may be stored. */
export interface FoundEntry<Value> {
  value: Value | undefined
  /** Undefined where nothing may be stored: nobody has confirmed the store in time, or it does not answer. */
  start: { at: unknown } | undefined
}

/** Next's entries in a store. A store that fails is an empty one. */
export interface Entries {
  /** @param softTags tags that the entry does not carry, and that must not have changed since its computation began */
  find<Value>(key: string, softTags: readonly string[]): Promise<FoundEntry<Value>>
  keep(key: string, value: unknown, tags: readonly string[], start: unknown, seconds: number): Promise<void>
}

/** Entries under a prefix of their own. */
export function entriesIn({ store, onOutage }: NextCacheSettings, prefix: string): Entries {
  let isOut = false
  const tell = (error: Error | undefined): void => {
    if (isOut === (error !== undefined)) return
    isOut = error !== undefined
    onOutage?.(error)
  }
  const ask = async <Answer>(question: () => Promise<Answer>): Promise<Answer | undefined> => {
    try {
      const answer = await outsideOfRendering(question)
      tell(undefined)
      return answer
    } catch (error) {
      tell(error instanceof Error ? error : new Error(String(error)))
      return undefined
    }
  }
  return {
    async find<Value>(key: string, softTags: readonly string[]): Promise<FoundEntry<Value>> {
      const lookup = await ask(() => store.lookup(`${prefix}:${key}`, announcedNames(softTags)))
      if (!lookup?.isConfirmed) return { value: undefined, start: undefined }
      const packed = lookup.found && unpack<Value>(lookup.found.value)
      const isOfUse = packed && store.hasSeen(packed.start, lookup.changedAt)
      return { value: isOfUse ? packed.value : undefined, start: { at: lookup.start } }
    },
    async keep(key, value, tags, start, seconds) {
      const ms = Math.min(longestLifeMs, 1_000 * seconds)
      if (!(ms > 0)) return
      const entry = { value: pack({ value, start }), tags: announcedNames(tags), freshMs: ms, keepMs: ms }
      await ask(() => store.put(`${prefix}:${key}`, entry, start))
    },
  }
}
