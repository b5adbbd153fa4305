import { UsageError } from '../errors.ts'
import { Flights } from './flights.ts'
import type { Lookup, Store } from './store.ts'
import { longestLifeMs } from './store.ts'

/** How a value is kept. Times are in milliseconds. */
export interface CacheOptions<Value> {
  /**
   * What the value is made from, as the database's triggers name it: `professional:42`. Known before, or from the value. A
   * value of which nobody knows the tags before is computed twice at first: the cache begins to follow them the first time.
   */
  tags: readonly string[] | ((value: Value) => readonly string[])
  /** How long it is fresh; a day at most. A tenth more or less, so that not all of them end together. */
  ttl: number
  /** For how long afterwards it may still be used while a new one is computed. */
  staleFor?: number
  /** How long `undefined` and `null` are kept; as others where absent, and not at all with 0. */
  negativeTtl?: number
}

/** What a cache has done so far. */
export interface CacheCounts {
  hits: number
  /** Used after their time, while a new one was computed. */
  staleHits: number
  misses: number
  /** Callers that waited for the computation of another one. */
  shared: number
  /** Computed although there was an entry: nobody had confirmed the store in time, or it did not answer. */
  bypassed: number
  /** Values that were not stored, as one of their tags had changed meanwhile. */
  outdated: number
}

/** A read-through cache. */
export interface Cache {
  /**
   * The value under the key, from the cache or from `load`.
   *
   * ```ts
   * const professional = await cache.get(`professional:${id}`, { tags: [`professional:${id}`], ttl: 300_000 }, () =>
   *   database.query('SELECT ... WHERE id = $1', [id]),
   * )
   * ```
   *
   * @throws what `load` throws; a cache that is unreachable is no error
   */
  get<Value>(key: string, options: CacheOptions<Value>, load: () => Promise<Value>): Promise<Value>
  counts(): CacheCounts
  close(): Promise<void>
}

export interface CacheSettings {
  store: Store
  /** As text; JSON by default. A value that is `undefined` is kept as such. */
  serialize?: (value: unknown) => string
  deserialize?: (text: string) => unknown
  /** Milliseconds for which a computation is shared with callers whose tags nobody knows before. */
  boundMs?: number
  /** Told once per outage that the store does not answer, and once when it does again. */
  onOutage?: (error: Error | undefined) => void
  random?: () => number
}

/** The bound where none is given: no reader gets a value older than that, whatever breaks. */
export const defaultBoundMs = 2_000

const nothing = 'undefined'

/**
 * A cache whose entries the database invalidates. Of one key, one value is computed at a time in this process. Where the store
 * is down or nobody confirms it, values come from `load`.
 *
 * @throws UsageError where a time is longer than a day
 */
export function createCache(settings: CacheSettings): Cache {
  const { store, boundMs = defaultBoundMs, random = Math.random } = settings
  const { serialize = JSON.stringify, deserialize = JSON.parse as (text: string) => unknown } = settings
  const flights = new Flights(boundMs)
  const counts: CacheCounts = { hits: 0, staleHits: 0, misses: 0, shared: 0, bypassed: 0, outdated: 0 }
  let isOut = false

  const tell = (error: Error | undefined): void => {
    if (isOut === (error !== undefined)) return
    isOut = error !== undefined
    settings.onOutage?.(error)
  }
  /** Undefined where the store does not answer. */
  const ask = async <Answer>(question: () => Promise<Answer>): Promise<Answer | undefined> => {
    try {
      const answer = await question()
      tell(undefined)
      return answer
    } catch (error) {
      tell(error instanceof Error ? error : new Error(String(error)))
      return undefined
    }
  }

  const keep = async <Value>(
    key: string,
    value: Value,
    options: CacheOptions<Value>,
    start: unknown,
  ): Promise<void> => {
    const isNegative = value === undefined || value === null
    const ttl = (isNegative ? options.negativeTtl : undefined) ?? options.ttl
    if (ttl <= 0) return
    const freshMs = Math.min(longestLifeMs, ttl * (0.9 + 0.2 * random()))
    const entry = {
      value: value === undefined ? nothing : serialize(value),
      tags: typeof options.tags === 'function' ? options.tags(value) : options.tags,
      freshMs,
      keepMs: Math.min(longestLifeMs, freshMs + (options.staleFor ?? 0)),
    }
    const isStored = await ask(() => store.put(key, entry, start))
    if (isStored === false) counts.outdated += 1
  }

  const compute = <Value>(
    key: string,
    options: CacheOptions<Value>,
    lookup: Lookup<unknown> | undefined,
    load: () => Promise<Value>,
  ): Promise<Value> => {
    const needs = {
      start: lookup?.start,
      /** Whether a computation that began at `start` knows all that this caller may know. */
      isNewEnough: (start: unknown): boolean | undefined =>
        lookup === undefined || typeof options.tags === 'function' || start === undefined
          ? undefined
          : store.hasSeen(start, lookup.changedAt),
    }
    const flight = flights.join<Value>(key, needs, async () => {
      const value = await load()
      if (lookup?.isConfirmed) await keep(key, value, options, lookup.start)
      return value
    })
    if (flight.isShared) counts.shared += 1
    return flight.value
  }

  return {
    async get<Value>(key: string, options: CacheOptions<Value>, load: () => Promise<Value>): Promise<Value> {
      refuseLongLife(options)
      const known = typeof options.tags === 'function' ? [] : options.tags
      const lookup = await ask(() => store.lookup(key, known))
      const found = lookup?.found
      if (!lookup?.isConfirmed) {
        counts.bypassed += 1
        return compute(key, options, lookup, load)
      }
      if (!found) {
        counts.misses += 1
        return compute(key, options, lookup, load)
      }
      const value = (found.value === nothing ? undefined : deserialize(found.value)) as Value
      if (found.isFresh) {
        counts.hits += 1
        return value
      }
      counts.staleHits += 1
      compute(key, options, lookup, load).catch(() => undefined)
      return value
    },
    counts: () => ({ ...counts }),
    close: () => store.close(),
  }
}

function refuseLongLife({ ttl, staleFor = 0 }: CacheOptions<never>): void {
  if (ttl > 0 && staleFor >= 0 && ttl + staleFor <= longestLifeMs) return
  throw new UsageError(
    `An entry of the cache cannot live for ${ttl + staleFor} ms: ttl and staleFor are more than 0, and a day at most together.`,
    'Give a shorter time: the database drops entries when they change, so that a day is long enough.',
  )
}
