import type { Redis } from 'ioredis'
import { everyTag } from '../catalog/cacheChannel.ts'
import { announcedTags } from './announcedTags.ts'
import type { MemoryStore } from './memoryStore.ts'
import { defaultPrefix, redisKeys } from './redisKeys.ts'
import type { RedisStart, RedisStore } from './redisStore.ts'
import type { Entry, Lookup, Store } from './store.ts'

interface NearStart {
  near: number
  far: RedisStart
}

/** Nothing is stored with it. */
const noStart: RedisStart = { epoch: '', count: 0 }

/**
 * Keeps what this process uses most in its memory, in front of Redis. Redis announces each change after it has made it, so that
 * no value from before a change is kept here after it. Its bound is the sum of both bounds.
 */
export class NearStore implements Store<NearStart> {
  private readonly near: MemoryStore
  private readonly far: RedisStore
  private readonly subscriber: Redis
  private readonly confirming: NodeJS.Timeout

  /** @param redis is duplicated, since a connection that listens can do nothing else; `close` ends the duplicate */
  constructor(
    near: MemoryStore,
    far: RedisStore,
    redis: Redis,
    { prefix = defaultPrefix, everyMs = 250 }: { prefix?: string; everyMs?: number } = {},
  ) {
    this.near = near
    this.far = far
    this.subscriber = redis.duplicate({ autoResubscribe: false })
    const { channel } = redisKeys(prefix)
    this.subscriber.on('error', () => undefined)
    this.subscriber.on('ready', () => {
      this.subscriber.subscribe(channel).then(
        // What was announced before was not heard.
        () => void near.invalidate([everyTag]),
        () => undefined,
      )
    })
    this.subscriber.on('message', (_, message) => {
      void near.invalidate(announcedTags(message))
    })
    this.confirming = setInterval(() => void this.confirm().catch(() => undefined), everyMs)
    this.confirming.unref()
  }

  async lookup(key: string, tags: readonly string[]): Promise<Lookup<NearStart>> {
    const near = await this.near.lookup(key, tags)
    if (near.found?.isFresh && near.isConfirmed) {
      const { found, isConfirmed, start, changedAt } = near
      return {
        found,
        isConfirmed,
        start: { near: start, far: noStart },
        changedAt: { near: changedAt, far: noStart },
      }
    }
    const far = await this.far.lookup(key, tags)
    if (far.found && far.isConfirmed) await this.near.put(key, far.found, near.start)
    return {
      found: far.found,
      isConfirmed: far.isConfirmed,
      start: { near: near.start, far: far.start },
      changedAt: { near: near.changedAt, far: far.changedAt },
    }
  }

  async put(key: string, entry: Entry, { near, far }: NearStart): Promise<boolean> {
    const isStored = await this.far.put(key, entry, far)
    if (isStored) await this.near.put(key, entry, near)
    return isStored
  }

  hasSeen(start: NearStart, change: NearStart): boolean {
    return this.near.hasSeen(start.near, change.near) && this.far.hasSeen(start.far, change.far)
  }

  async close(): Promise<void> {
    clearInterval(this.confirming)
    this.subscriber.disconnect()
    await this.near.close()
    await this.far.close()
  }

  /** The answer to a ping comes after everything that was announced before it. */
  private async confirm(): Promise<void> {
    if (this.subscriber.status !== 'ready') return
    const round = await this.near.begin()
    const isConfirmed = await this.far.hasBeenConfirmed()
    await this.subscriber.ping()
    if (isConfirmed) await round.confirm()
  }
}
