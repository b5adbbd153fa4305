import type { CountersReading } from '../../catalog/statementCounters.ts'
import type { Interval } from '../../migrate/gain/interval.ts'
import { breakBetween, intervalBetween } from '../../migrate/gain/interval.ts'

/** What statements did between two rounds. */
export interface StatementDeltas {
  seconds: number
  /** By the key of the reading; only those that were called, and were counted without a break. */
  intervals: Map<string, Interval>
}

/** The statements that were called between two readings; the reason where the whole of it cannot be told. */
export function deltasBetween(
  from: CountersReading | undefined,
  to: CountersReading,
  keys: Iterable<string>,
): StatementDeltas | string {
  if (!from) return 'this is the first round'
  if (from.resetAt?.getTime() !== to.resetAt?.getTime())
    return 'pg_stat_statements was reset since the round before'
  const intervals = new Map<string, Interval>()
  for (const key of keys) {
    const counted = to.statements.get(key)
    if (!counted || breakBetween(from, to, key) !== undefined) continue
    const interval = intervalBetween(from.statements.get(key), counted)
    if (!('reason' in interval) && interval.calls > 0) intervals.set(key, interval)
  }
  return { seconds: (to.takenAt.getTime() - from.takenAt.getTime()) / 1_000, intervals }
}

/** Calls, mean and standard deviation of all calls together, in milliseconds; undefined where there were none. */
export function pool(
  intervals: Iterable<Interval>,
): { calls: number; meanMs: number; deviationMs: number } | undefined {
  const all = [...intervals]
  const calls = all.reduce((sum, interval) => sum + interval.calls, 0)
  if (calls === 0) return undefined
  const meanMs = all.reduce((sum, interval) => sum + interval.calls * interval.mean, 0) / calls
  const squares = all.reduce(
    (sum, interval) =>
      sum + (interval.calls - 1) * interval.variance + interval.calls * (interval.mean - meanMs) ** 2,
    0,
  )
  return { calls, meanMs, deviationMs: Math.sqrt(squares / calls) }
}
