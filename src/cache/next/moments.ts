const betweenMs = 100
const longestMs = 5 * 60_000

/**
 * Moments in the order of a store's changes, with the times of this process's clock at which they were known. Next says when
 * a computation began, and not to which lookup it belongs.
 */
export class Moments {
  private readonly known: { time: number; at: unknown }[] = []
  private readonly now: () => number

  /** @param now milliseconds since 1970, by the clock that Next reads too */
  constructor(now = () => performance.timeOrigin + performance.now()) {
    this.now = now
  }

  /** A moment that a lookup has answered with just now. */
  add(at: unknown): void {
    const time = this.now()
    const last = this.known.at(-1)
    if (last && time - last.time < betweenMs) return
    this.known.push({ time, at })
    while ((this.known[0]?.time ?? time) < time - longestMs) this.known.shift()
  }

  /** The latest moment that was known before that time; a computation that began then has seen all that it counts. */
  before(time: number): { at: unknown } | undefined {
    return this.known.findLast((each) => each.time <= time)
  }
}
