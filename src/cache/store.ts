/** What is stored under a key. */
export interface Entry {
  /** As text; see `serialize` of `createCache`. */
  value: string
  /** What it was made from: it is dropped when one of these changes. */
  tags: readonly string[]
  /** Milliseconds for which it is fresh. */
  freshMs: number
  /** Milliseconds for which it is kept; from `freshMs` on it may be used while a new one is computed. */
  keepMs: number
}

/** An entry that may be used: none of its tags has changed. */
export interface Found extends Entry {
  isFresh: boolean
}

/** What a store answers about a key. */
export interface Lookup<Start> {
  found: Found | undefined
  /**
   * The moment, in the order of the store's changes. A value that is computed from now on may be stored with it, unless one
   * of its tags changes in between.
   */
  start: Start
  /** The latest change of the tags that were given; a computation that began before it is too old for this caller. */
  changedAt: Start
  /** Whether the store has heard of every change that is older than its bound. If not, nothing in it may be used. */
  isConfirmed: boolean
}

/**
 * Keeps entries, and the order in which tags changed: the versions that decide whether an entry is of any use. A store that
 * has lost the version of a tag treats its entries as changed.
 */
export interface Store<Start = unknown> {
  /** @param tags those that are known before the value is */
  lookup(key: string, tags: readonly string[]): Promise<Lookup<Start>>
  /**
   * Stores a value whose computation began at `start`.
   *
   * @returns false where a tag has changed since, or nothing is known of it; then nothing is stored
   */
  put(key: string, entry: Entry, start: Start): Promise<boolean>
  /** Whether a computation that began at `start` has seen a change. */
  hasSeen(start: Start, change: Start): boolean
  close(): Promise<void>
}

/** No entry lives longer: the outbox keeps changes for that long. */
export const longestLifeMs = 86_400_000
