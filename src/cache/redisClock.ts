/**
 * What Redis's clock says now, by what it said a while ago and by the time since then on this machine: the longer one of two
 * clocks, since the one that only grows stands still while the machine is suspended, and the other one may be set. It runs
 * ahead by the time that the answer took. So an age is never taken for less than it is.
 */
export class RedisClock {
  private said: { time: number; askedAt: Moment } | undefined
  private readonly holdsMs: number
  private readonly here: () => Moment

  /** @param holdsMs for so long an answer is used: Redis's clock may be set meanwhile */
  constructor(holdsMs: number, here = momentHere) {
    this.holdsMs = holdsMs
    this.here = here
  }

  /** @param askedAt when Redis was asked */
  set(time: number, askedAt: Moment): void {
    this.said = { time, askedAt }
  }

  /** Milliseconds since 1970; undefined where nothing was said for too long. */
  now(): number | undefined {
    if (!this.said) return undefined
    const { time, askedAt } = this.said
    const here = this.here()
    const since = Math.max(here.elapsedMs - askedAt.elapsedMs, here.wallMs - askedAt.wallMs)
    return since > this.holdsMs ? undefined : time + since
  }

  forget(): void {
    this.said = undefined
  }
}

/** Now, by both clocks of this machine. */
export interface Moment {
  elapsedMs: number
  wallMs: number
}

export function momentHere(): Moment {
  return { elapsedMs: performance.now(), wallMs: Date.now() }
}
