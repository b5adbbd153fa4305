import type { CountersReading, StatementCounters } from '../../catalog/statementCounters.ts'
import type { Sample } from './welch.ts'

/** What the calls of a statement between two readings cost. */
export interface Interval extends Sample {
  blocksPerCall: number
}

/** Why two readings of one statement cannot be subtracted. */
export type Unreadable = { reason: string }

/**
 * The calls between two readings. Sums and sums of squares are subtracted: `calls`, `calls * mean` and
 * `M2 = calls * deviation ** 2`, since the extension's deviation is that of the whole population. The rest of `M2` follows
 * from the rule for two parts of one sample (Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing
 * sample variances, 1979):
 *
 *     M2(all) = M2(first) + M2(rest) + (mean(rest) - mean(first)) ** 2 * n(first) * n(rest) / n(all)
 *
 * @param from undefined where everything that was counted belongs to the interval
 */
export function intervalBetween(
  from: StatementCounters | undefined,
  to: StatementCounters,
): Interval | Unreadable {
  const first = from ?? { calls: 0, totalMs: 0, deviationMs: 0, blocks: 0 }
  const calls = to.calls - first.calls
  const total = to.totalMs - first.totalMs
  const blocks = to.blocks - first.blocks
  if (calls < 0 || total < 0 || blocks < 0) return { reason: wasEvicted }
  if (calls === 0) return { calls: 0, mean: 0, variance: 0, blocksPerCall: 0 }
  const mean = total / calls
  const apart = first.calls === 0 ? 0 : mean - first.totalMs / first.calls
  const squares =
    to.calls * to.deviationMs ** 2 -
    first.calls * first.deviationMs ** 2 -
    (apart ** 2 * first.calls * calls) / to.calls
  // Rounding may leave a little less than nothing; much less means that the two do not belong together.
  if (squares < -1e-6 * to.calls * to.deviationMs ** 2) return { reason: wasEvicted }
  const variance = calls > 1 ? Math.max(0, squares) / (calls - 1) : 0
  return { calls, mean, variance, blocksPerCall: blocks / calls }
}

const wasEvicted = 'pg_stat_statements dropped its entry meanwhile and began to count anew'

/** Whether one statement was counted without a break from one reading to the next; the reason if not. */
export function breakBetween(from: CountersReading, to: CountersReading, key: string): string | undefined {
  if (wasReset(from, to)) {
    return `pg_stat_statements was reset${to.resetAt ? ` at ${to.resetAt.toISOString()}` : ''}`
  }
  const first = from.statements.get(key)
  const last = to.statements.get(key)
  if (!first) {
    return from.isComplete ? undefined : 'it was not among the statements that the log keeps'
  }
  if (!last || beganAnew(first, last)) return wasEvicted
  if (last.since === null && from.evictions !== to.evictions) {
    return 'pg_stat_statements dropped entries meanwhile, and before PostgreSQL 17 it does not say which; raise pg_stat_statements.max'
  }
  return undefined
}

/** Whether everything that the later reading counts of a statement came after the earlier one. */
export function countsOnlySince(from: CountersReading, to: CountersReading, key: string): boolean {
  if (wasReset(from, to)) return true
  const first = from.statements.get(key)
  const last = to.statements.get(key)
  if (!first) return from.isComplete
  return last !== undefined && beganAnew(first, last)
}

function wasReset(from: CountersReading, to: CountersReading): boolean {
  return from.resetAt?.getTime() !== to.resetAt?.getTime()
}

function beganAnew(first: StatementCounters, last: StatementCounters): boolean {
  return last.calls < first.calls || last.totalMs < first.totalMs || first.since !== last.since
}
