import type { BatchTime } from './batchSize.ts'

/** How long to pause after a batch so that no more than `max` rows a second are walked, in milliseconds. */
export function pauseForRate({ rows, ms }: BatchTime, max: number | undefined): number {
  return max === undefined ? 0 : Math.max(0, (rows / max) * 1_000 - ms)
}

/** The largest batch that keeps the rate even: at most a quarter of a second's rows at once. */
export function largestForRate(max: number | undefined): number {
  return max === undefined ? Infinity : Math.max(1, Math.ceil(max / 4))
}
