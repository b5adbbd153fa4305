import type { CasaoraRows } from './casaora/load.ts'
import type { MeasuredOn } from './measuredOn.ts'
import type { BenchRow } from './row.ts'

/** The result of one run of the bench. */
export interface BenchResult {
  /** ISO 8601, UTC. */
  takenAt: string
  size: CasaoraRows
  measuredOn: MeasuredOn
  rows: BenchRow[]
  /** Rows that could not be measured here, and why. */
  skipped: { id: string; reason: string }[]
}
