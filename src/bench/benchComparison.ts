import type { BenchResult } from './result.ts'
import { ratio } from '../report/units.ts'

/** Two runs of the same work may differ by this factor by chance. */
const noise = 1.25

/** One line for each row whose ratio changed since the last run of the same size, or one line that says that none did. */
export function benchComparison(last: BenchResult, now: BenchResult): string[] {
  const moved = now.rows.flatMap((row) => {
    const before = last.rows.find(({ id }) => id === row.id)
    if (!before) return []
    const factor = row.ratio / before.ratio
    const verdict = row.met === before.met ? '' : row.met ? ', met now' : ', no longer met'
    if (!verdict && factor < noise && factor > 1 / noise) return []
    return [`  ${row.id}: ${ratio(before.ratio)} -> ${ratio(row.ratio)}${verdict}`]
  })
  const since = `the run of ${last.takenAt.slice(0, 16).replace('T', ' ')} UTC`
  return moved.length > 0
    ? [`Compared with ${since}:`, ...moved]
    : [`No ratio differs from ${since} by more than a quarter.`]
}
