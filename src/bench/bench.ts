import type { Config } from '../config.ts'
import type { CasaoraRows } from './casaora/load.ts'
import type { BenchRow } from './row.ts'

/** What every bench is given. */
export interface BenchContext {
  config: Config
  rows: CasaoraRows
  onStep: (text: string) => void
  signal?: AbortSignal
}

/** A measurement of something that is promised, before and after in one run. */
export interface Bench {
  id: string
  title: string
  run(context: BenchContext): Promise<BenchRow[]>
}

/** A row whose ratio is `before / after`: how many times faster, or smaller. */
export function benchRow(row: Omit<BenchRow, 'ratio'>): BenchRow {
  return {
    ...row,
    before: Number(row.before.toPrecision(4)),
    after: Number(row.after.toPrecision(4)),
    ratio: Number((row.before / row.after).toPrecision(4)),
  }
}

/** The middle of the values; of an even number of them, the lower one of the two. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
}
