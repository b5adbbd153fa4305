import type { TableIndex } from '../../catalog/indexes.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { readSpares } from '../../indexes/indexCoverage.ts'
import { readDropJudge, unusedAfterDays } from './dropEvidence.ts'

/**
 * Whether an index is spare or shown to be unused: duplicate_index, redundant_index and unused_index want it dropped, and
 * advice to make it better would contradict them.
 */
export async function foundByOtherRules({ read }: Snapshot): Promise<(index: TableIndex) => boolean> {
  const { duplicates, redundant } = await read(readSpares)
  const spare = new Set([...duplicates, ...redundant].map(({ index }) => index.oid))
  const { age, judge } = await read(readDropJudge)
  return (index) => {
    if (spare.has(index.oid)) return true
    if (age.ageDays < unusedAfterDays) return false
    const { staysBecause, lacks } = judge(index)
    return staysBecause === null && lacks.length === 0
  }
}
