import type { Redis } from 'ioredis'
import { Confirmation } from './confirmation.ts'
import { defaultPrefix, newEpoch, redisKeys } from './redisKeys.ts'
import { lookupScript, putScript } from './redisScripts.ts'
import { runScript } from './runScript.ts'
import type { Entry, Found, Lookup, Store } from './store.ts'

/** A moment in the order of changes that Redis keeps. */
export interface RedisStart {
  epoch: string
  count: number
}

interface RedisStoreOptions {
  /** Milliseconds without a confirmation after which nothing is used. */
  boundMs: number
  prefix?: string
}

/**
 * A store in Redis, shared by all processes. `hundredfold cache invalidate` tells it what changes. Its keys may be evicted at
 * any time. The scripts use keys that are not known before, so Redis Cluster is not supported.
 */
export class RedisStore implements Store<RedisStart> {
  private readonly redis: Redis
  private readonly keys: ReturnType<typeof redisKeys>
  private readonly confirmation: Confirmation
  private readonly watching: NodeJS.Timeout

  /** @param redis a connection of its own or the application's; `close` leaves it open */
  constructor(redis: Redis, { boundMs, prefix = defaultPrefix }: RedisStoreOptions) {
    this.redis = redis
    this.keys = redisKeys(prefix)
    this.confirmation = new Confirmation(boundMs)
    redis.on('close', this.forget)
    // A beat that is seen late looks young.
    this.watching = setInterval(
      () => void this.hasBeenConfirmed().catch(() => undefined),
      Math.max(50, boundMs / 4),
    )
    this.watching.unref()
  }

  async lookup(key: string, tags: readonly string[]): Promise<Lookup<RedisStart>> {
    const { state, entry, tags: prefix } = this.keys
    const answer = (await runScript(
      this.redis,
      lookupScript,
      [state, entry(key)],
      [newEpoch(), prefix, JSON.stringify(tags), ...tags],
    )) as LookupAnswer
    const [epoch, count, changed, ageMs, beat, ...found] = answer
    return {
      found: foundIn(found),
      start: { epoch, count },
      changedAt: { epoch, count: changed },
      isConfirmed: this.confirmation.observe(beat, ageMs),
    }
  }

  async put(key: string, { value, tags, freshMs, keepMs }: Entry, start: RedisStart): Promise<boolean> {
    const { state, entry, tags: prefix } = this.keys
    const stored = await runScript(
      this.redis,
      putScript,
      [state, entry(key)],
      [
        ...[newEpoch(), prefix, start.epoch, start.count],
        ...[Math.max(1, Math.round(keepMs)), Math.round(freshMs), value, JSON.stringify(tags)],
        ...tags,
      ],
    )
    return stored === 1
  }

  /** Whether it has heard of every change that is older than the bound. */
  async hasBeenConfirmed(): Promise<boolean> {
    return this.redis.status === 'ready' && (await this.lookup('', [])).isConfirmed
  }

  hasSeen(start: RedisStart, change: RedisStart): boolean {
    return start.epoch === change.epoch && start.count >= change.count
  }

  close(): Promise<void> {
    clearInterval(this.watching)
    this.redis.off('close', this.forget)
    return Promise.resolve()
  }

  private readonly forget = (): void => this.confirmation.forget()
}

type LookupAnswer = [
  ...[epoch: string, count: number, changed: number, ageMs: number, beat: number],
  ...([value: string, tags: string, freshMs: number, keepMs: number] | []),
]

function foundIn([value, tags, freshMs = 0, keepMs = 0]: [] | [string, string, number, number]):
  Found | undefined {
  if (value === undefined || tags === undefined) return undefined
  return { value, tags: JSON.parse(tags) as string[], freshMs, keepMs, isFresh: freshMs > 0 }
}
