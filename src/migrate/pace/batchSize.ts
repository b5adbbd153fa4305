/** How many rows a batch had, and how long it took. */
export interface BatchTime {
  rows: number
  ms: number
}

/** How long a batch should take while others work, and while nobody does. */
export const wantedMs = { besideOthers: 50, alone: 100 }
const fewest = 10
export const largestBatch = 50_000

/** Small, since nobody knows yet what a row costs. */
export const firstBatchSize = 100

/**
 * The size of the next batch, so that it takes about 50 ms: long enough that the cost of a transaction does not count,
 * short enough that nobody notices the locks on its rows. It at most doubles or halves.
 *
 * Where fewer rows did not take less time, each batch repeats some work that does not depend on its rows, such as a scan
 * of another table. Then smaller batches only repeat it more often, so the size grows up to `manyEnough`.
 *
 * @param before an earlier batch of another size
 * @param wanted milliseconds
 */
export function nextBatchSize(
  last: BatchTime,
  before?: BatchTime,
  wanted: number = wantedMs.besideOthers,
): number {
  const isSlow = last.ms > wanted
  if (isSlow && before && last.rows < manyEnough && !dependsOnRows(last, before)) return last.rows * 2
  const factor = Math.min(2, Math.max(0.5, wanted / Math.max(last.ms, 1)))
  return Math.min(largestBatch, Math.max(fewest, Math.round(last.rows * factor)))
}

const manyEnough = 1_000

/** Twice the rows took at least a third longer. */
function dependsOnRows(a: BatchTime, b: BatchTime): boolean {
  const [small, large] = a.rows < b.rows ? [a, b] : [b, a]
  return Math.log(large.ms / small.ms) >= 0.4 * Math.log(large.rows / small.rows)
}
