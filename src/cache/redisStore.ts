import type { Redis } from 'ioredis'
import { Confirmation } from './confirmation.ts'
import { defaultPrefix, newEpoch, redisKeys } from './redisKeys.ts'
import { RedisClock, momentHere } from './redisClock.ts'
import { readTogether } from './readTogether.ts'
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
  private readonly read: ReturnType<typeof readTogether>
  private readonly keys: ReturnType<typeof redisKeys>
  private readonly confirmation: Confirmation
  private readonly clock: RedisClock
  private readonly watching: NodeJS.Timeout

  /** @param redis a connection of its own or the application's; `close` leaves it open */
  constructor(redis: Redis, { boundMs, prefix = defaultPrefix }: RedisStoreOptions) {
    this.redis = redis
    this.read = readTogether(redis)
    this.keys = redisKeys(prefix)
    this.confirmation = new Confirmation(boundMs)
    this.clock = new RedisClock(boundMs / 2)
    redis.on('close', this.forget)
    // A beat that is seen late looks young.
    this.watching = setInterval(
      () => void this.hasBeenConfirmed().catch(() => undefined),
      Math.max(50, boundMs / 4),
    )
    this.watching.unref()
  }

  async lookup(key: string, tags: readonly string[]): Promise<Lookup<RedisStart>> {
    return (await this.lookUpHit(key, tags)) ?? this.lookUpWhole(key, tags)
  }

  /**
   * An entry that may be used, with one command that only reads. Undefined where it is not fresh, not confirmed, of other
   * tags than these, or where Redis has forgotten something of it.
   */
  private async lookUpHit(key: string, tags: readonly string[]): Promise<Lookup<RedisStart> | undefined> {
    if (tags.length === 0 || this.clock.now() === undefined) return undefined
    const { confirmed, entry, tags: prefix } = this.keys
    const [stored, confirmation, ...versions] = await this.read([
      entry(key),
      confirmed,
      ...tags.map((tag) => prefix + tag),
    ])
    const now = this.clock.now()
    if (now === undefined || !stored || !confirmation || versions.includes(null)) return undefined
    const endOfHead = stored.indexOf('\n')
    const [epoch = '', asOf, freshUntil, keepUntil, ...ofTags] = stored.slice(0, endOfHead).split(' ')
    const [epochNow, confirmedAt, beat] = confirmation.split(' ')
    const changed = Math.max(...versions.map(Number))
    const freshMs = Number(freshUntil) - now
    const isUsable =
      epoch === epochNow &&
      changed <= Number(asOf) &&
      freshMs > 0 &&
      ofTags.join(' ') === JSON.stringify(tags) &&
      this.confirmation.observe(Number(beat), now - Number(confirmedAt))
    if (!isUsable) return undefined
    // Whoever computes although there is an entry knows nothing that is newer than these tags.
    const start = { epoch, count: changed }
    const value = stored.slice(endOfHead + 1)
    const found = { value, tags, freshMs, keepMs: Number(keepUntil) - now, isFresh: true }
    return { found, start, changedAt: start, isConfirmed: true }
  }

  private async lookUpWhole(key: string, tags: readonly string[]): Promise<Lookup<RedisStart>> {
    const { state, entry, tags: prefix } = this.keys
    const askedAt = momentHere()
    const answer = (await runScript(
      this.redis,
      lookupScript,
      [state, entry(key)],
      [newEpoch(), prefix, ...tags],
    )) as LookupAnswer
    const [epoch, count, changed, ageMs, beat, time, ...found] = answer
    this.clock.set(time, askedAt)
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
    return this.redis.status === 'ready' && (await this.lookUpWhole('', [])).isConfirmed
  }

  hasSeen(start: RedisStart, change: RedisStart): boolean {
    return start.epoch === change.epoch && start.count >= change.count
  }

  close(): Promise<void> {
    clearInterval(this.watching)
    this.redis.off('close', this.forget)
    return Promise.resolve()
  }

  private readonly forget = (): void => {
    this.confirmation.forget()
    this.clock.forget()
  }
}

type LookupAnswer = [
  ...[epoch: string, count: number, changed: number, ageMs: number, beat: number, time: number],
  ...([value: string, tags: string, freshMs: number, keepMs: number] | []),
]

function foundIn([value, tags, freshMs = 0, keepMs = 0]: [] | [string, string, number, number]):
  Found | undefined {
  if (value === undefined || tags === undefined) return undefined
  return { value, tags: JSON.parse(tags) as string[], freshMs, keepMs, isFresh: freshMs > 0 }
}
