/** What readers got, compared with what was committed before they asked. */
export interface StalenessReport {
  reads: number
  /** Of these, how many got a value older than the newest that was committed before they asked. */
  stale: number
  /** Milliseconds between the commit of the next value and the question, of all reads: 99 of 100 are lower. 0 where fresh. */
  p99Ms: number
  worstMs: number
}

/**
 * Records commits and reads of values that only grow. A read that asks at `t` and gets a value, although a higher one was
 * committed at `c < t`, is stale by `t - c`, where `c` is the first commit above its value. Each id has one writer.
 */
export class Staleness {
  private readonly commits = new Map<number, { value: number; at: number }[]>()
  private readonly delays: number[] = []

  /** @param at milliseconds, when the client knew of the commit */
  committed(id: number, value: number, at: number): void {
    const commits = this.commits.get(id) ?? []
    this.commits.set(id, commits)
    commits.push({ value, at })
  }

  /** @returns milliseconds by which the read is stale; 0 where it is not */
  read(id: number, value: number, askedAt: number): number {
    const commits = this.commits.get(id) ?? []
    let firstNewer: number | undefined
    for (let at = commits.length - 1; at >= 0; at -= 1) {
      const commit = commits[at]
      if (!commit || commit.value <= value) break
      if (commit.at < askedAt) firstNewer = commit.at
    }
    const delay = firstNewer === undefined ? 0 : askedAt - firstNewer
    this.delays.push(delay)
    return delay
  }

  report(): StalenessReport {
    const sorted = this.delays.toSorted((one, other) => one - other)
    return {
      reads: sorted.length,
      stale: sorted.filter((delay) => delay > 0).length,
      p99Ms: sorted[Math.floor(0.99 * (sorted.length - 1))] ?? 0,
      worstMs: sorted.at(-1) ?? 0,
    }
  }
}
