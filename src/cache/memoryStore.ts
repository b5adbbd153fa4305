import { everyTag } from '../catalog/cacheChannel.ts'
import type { Invalidator, Round } from './invalidator.ts'
import type { Entry, Lookup, Store } from './store.ts'

interface Kept extends Entry {
  asOf: number
  storedAt: number
}

interface MemoryStoreOptions {
  /** Milliseconds without a confirmation after which nothing is used. */
  boundMs: number
  /** Entries; those that were not used for longest go first. */
  most?: number
  /** Milliseconds that only grow, for tests. */
  now?: () => number
}

/**
 * A store in the memory of this process. Something has to tell it what changes: `followNotifications`, or Redis.
 *
 * Changes are counted. A tag's version is the count at its last change; an entry is of use while no version of its tags is
 * higher than the count at which its computation began.
 */
export class MemoryStore implements Store<number>, Invalidator {
  private readonly entries = new Map<string, Kept>()
  private readonly versions = new Map<string, number>()
  private count = 0
  /** Entries and computations from before it are of no use. */
  private emptiedAt = 0
  private confirmedAt = -Infinity
  private readonly boundMs: number
  private readonly most: number
  private readonly now: () => number

  constructor({ boundMs, most = 10_000, now = () => performance.now() }: MemoryStoreOptions) {
    this.boundMs = boundMs
    this.most = most
    this.now = now
  }

  lookup(key: string, tags: readonly string[]): Promise<Lookup<number>> {
    const changedAt = Math.max(this.emptiedAt, ...tags.map((tag) => this.versions.get(tag) ?? 0))
    const isConfirmed = this.now() - this.confirmedAt <= this.boundMs
    return Promise.resolve({ found: this.find(key), start: this.count, changedAt, isConfirmed })
  }

  put(key: string, entry: Entry, start: number): Promise<boolean> {
    if (this.changedSince(entry.tags, start)) return Promise.resolve(false)
    this.entries.delete(key)
    this.entries.set(key, { ...entry, asOf: start, storedAt: this.now() })
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.most) break
      this.entries.delete(oldest)
    }
    return Promise.resolve(true)
  }

  hasSeen(start: number, change: number): boolean {
    return start >= change
  }

  begin(): Promise<Round> {
    const began = this.now()
    return Promise.resolve({
      confirm: () => {
        this.confirmedAt = Math.max(this.confirmedAt, began)
        return Promise.resolve()
      },
    })
  }

  invalidate(tags: readonly string[]): Promise<void> {
    this.count += 1
    if (tags.includes(everyTag)) this.forgetAll()
    else for (const tag of tags) this.versions.set(tag, this.count)
    // A change of very many different tags would fill the memory with versions.
    if (this.versions.size > 10 * this.most) this.forgetAll()
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.forgetAll()
    return Promise.resolve()
  }

  private find(key: string): Lookup<number>['found'] {
    const kept = this.entries.get(key)
    if (!kept) return undefined
    const age = this.now() - kept.storedAt
    this.entries.delete(key)
    if (age >= kept.keepMs || this.changedSince(kept.tags, kept.asOf)) return undefined
    // The last one in the map is the one that was used last.
    this.entries.set(key, kept)
    const { value, tags, freshMs, keepMs } = kept
    return { value, tags, freshMs: freshMs - age, keepMs: keepMs - age, isFresh: age < freshMs }
  }

  private changedSince(tags: readonly string[], start: number): boolean {
    return start < this.emptiedAt || tags.some((tag) => (this.versions.get(tag) ?? 0) > start)
  }

  private forgetAll(): void {
    this.count += 1
    this.emptiedAt = this.count
    this.entries.clear()
    this.versions.clear()
  }
}
