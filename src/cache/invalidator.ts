/** Where entries of changed tags are dropped: Redis, or the memory of a process. */
export interface Invalidator {
  /** To be called before it is looked which tags have changed. */
  begin(): Promise<Round>
  /**
   * Makes every entry that carries one of these tags unusable, those too that are being computed now. The tag `*` means all
   * entries.
   */
  invalidate(tags: readonly string[]): Promise<void>
}

/** One look at what has changed. */
export interface Round {
  /**
   * Says that everything which was committed before the round began has been invalidated. Readers go past a cache of which
   * they have not heard this for longer than its bound.
   */
  confirm(): Promise<void>
}
