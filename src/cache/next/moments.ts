import type { Store } from '../store.ts'

/** At so many changes, a computation that began before the oldest is not stored. */
const mostKnown = 10_000

/**
 * Moments in the order of a store's changes, with the times of this process's clock at which they were first known. Next says
 * when a computation began, and not to which lookup it belongs.
 */
export class Moments {
  private readonly known: { time: number; at: unknown }[] = []
  private readonly store: Pick<Store, 'hasSeen'>
  private readonly now: () => number

  /** @param now milliseconds since 1970, by the clock that Next reads too */
  constructor(store: Pick<Store, 'hasSeen'>, now = () => performance.timeOrigin + performance.now()) {
    this.store = store
    this.now = now
  }

  /** A moment that a lookup has answered with just now. */
  add(at: unknown): void {
    const last = this.known.at(-1)
    // Answers of Redis may overtake each other; an older moment is only more careful.
    if (last && this.store.hasSeen(last.at, at)) return
    this.known.push({ time: this.now(), at })
    if (this.known.length > mostKnown) this.known.shift()
  }

  /** The latest moment that was known before that time; a computation that began then has seen all that it counts. */
  before(time: number): { at: unknown } | undefined {
    return this.known.findLast((each) => each.time <= time)
  }
}
