/** How much is done, at one moment. */
interface Moment {
  rows: number
  atMs: number
}

/** Batches and pauses of about the last ten seconds decide. */
const lookBackMs = 10_000

/** How quickly rows are walked, and how long the others will take. */
export class Progress {
  private readonly rowsInAll: number
  private moments: Moment[]

  /** @param start rows that an earlier run has done */
  constructor(rowsInAll: number, start: Moment) {
    this.rowsInAll = rowsInAll
    this.moments = [start]
  }

  /** @returns `leftMs` is absent where nothing can be said: at the beginning, or if there are more rows than estimated */
  at(now: Moment): { rowsPerSecond: number; leftMs?: number } {
    // The last moment before the ten seconds stays, so that they are covered whole.
    const first = this.moments.findLastIndex(({ atMs }) => atMs <= now.atMs - lookBackMs)
    this.moments = [...this.moments.slice(Math.max(0, first)), now]
    const since = this.moments[0] ?? now
    const tookMs = now.atMs - since.atMs
    const rows = now.rows - since.rows
    if (rows <= 0 || tookMs <= 0) return { rowsPerSecond: 0 }
    const left = this.rowsInAll - now.rows
    return {
      rowsPerSecond: (rows / tookMs) * 1_000,
      ...(left > 0 ? { leftMs: (tookMs / rows) * left } : {}),
    }
  }
}
