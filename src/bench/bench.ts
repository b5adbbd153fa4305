import type { Config } from '../config.ts'
import type { CasaoraRows } from './casaora/load.ts'
import type { BenchRow } from './row.ts'

/** What every bench gets. */
export interface BenchContext {
  config: Config
  rows: CasaoraRows
  /** The ids of the rows to measure; by default all rows of the bench. */
  only?: string[]
  onStep: (text: string) => void
  /** Called with the version of the server that rows are measured on, such as 18.4. */
  onServer?: (version: string) => void
  /** Called for a row that cannot be measured here, such as one whose engine is not installed. */
  onSkip?: (id: string, reason: string) => void
  signal?: AbortSignal
}

/** A measurement of a promise, before and after in one run. */
export interface Bench {
  id: string
  title: string
  /** Ids of its rows, if they differ from its own id: `--only` finds the bench by any of them. */
  rowIds?: readonly string[]
  run(context: BenchContext): Promise<BenchRow[]>
}

/** Whether `id` names the bench, one of its rows or a group of them: `writes` is `writes` and `writes_wal`. */
export function hasRow(bench: Bench, id: string): boolean {
  return bench.id === id || (bench.rowIds ?? []).some((row) => inGroup(row, id))
}

/**
 * The benches to run, each with the ids that select it; by default all benches. An id that is a bench's selects only that
 * bench: `rls` does not select the row `rls` of the bench `claims`.
 */
export function chooseBenches(
  benches: readonly Bench[],
  only: string[] | undefined,
): { bench: Bench; only?: string[] }[] {
  if (!only) return benches.map((bench) => ({ bench }))
  const means = (id: string, bench: Bench) =>
    benches.some((each) => each.id === id) ? bench.id === id : hasRow(bench, id)
  return benches
    .map((bench) => ({ bench, only: only.filter((id) => means(id, bench)) }))
    .filter((chosen) => chosen.only.length > 0)
}

/** `writes_wal` belongs to the groups `writes` and `writes_wal`. */
export function inGroup(row: string, id: string): boolean {
  return row === id || row.startsWith(`${id}_`)
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

/** A row where more is better, such as requests per second: its ratio is `after / before`. */
export function moreIsBetterRow(row: Omit<BenchRow, 'ratio'>): BenchRow {
  return { ...benchRow(row), ratio: Number((row.after / row.before).toPrecision(4)) }
}
