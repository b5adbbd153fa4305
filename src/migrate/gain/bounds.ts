import type { CountersReading } from '../../catalog/statementCounters.ts'
import type { CountedStatement } from './countedStatement.ts'
import type { Evidence, LoggedChange } from './evidence.ts'
import type { Change, KeptReading } from './gainLog.ts'
import type { Interval } from './interval.ts'
import { breakBetween, countsOnlySince, intervalBetween } from './interval.ts'
import { leastCalls } from './judge.ts'

/** The four readings around a migration: its own two, and where the intervals before and after it begin and end. */
export interface Bounds {
  /** Undefined if everything that was counted before belongs to the interval. */
  start: KeptReading | undefined
  before: KeptReading
  after: KeptReading
  end: CountersReading
}

/** Other changes that the statement touches bound both intervals. */
export function boundsOf(
  statement: CountedStatement,
  change: LoggedChange,
  evidence: Evidence,
): Bounds | { reason: string } {
  const { changes, readings, now, touching } = evidence
  const before = readings.get(change.before ?? -1)
  const after = readings.get(change.after ?? -1)
  if (!before || !after || 'reason' in now) return { reason: 'there are no counters' }
  const isBound = ({ run, objects }: Change) =>
    run !== change.run && (!objects || touching.touches(statement, objects))
  const at = changes.indexOf(change)
  const later = changes.find((each, place) => place > at && isBound(each))
  const end = later ? readings.get(later.before ?? -1) : now
  if (!end) return { reason: `${later?.name ?? ''} ran later, without counters, and touches it too` }
  const earlier = changes.findLastIndex((each, place) => place < at && isBound(each))
  const starts = startsOf(statement.key, before, earlier, evidence)
  const start = starts.find((each) => hasEnough(statement.key, each, before)) ?? starts[0]
  if (start === 'nothing kept') {
    return { reason: `${changes[earlier]?.name ?? ''} ran before, without counters, and touches it too` }
  }
  return { start: start === 'everything' ? undefined : start, before, after, end }
}

type Start = KeptReading | 'everything' | 'nothing kept'

/** Where the interval before a migration may begin, the latest first: after the earlier change that also matters. */
function startsOf(
  key: string,
  before: KeptReading,
  earlier: number,
  { changes, readings }: Evidence,
): [Start, ...Start[]] {
  const bound = changes[earlier]
  const ids = [bound?.after, ...changes.slice(earlier + 1).flatMap((each) => [each.before, each.after])]
  const kept = [...new Set(ids)]
    .flatMap((id) => readings.get(id ?? -1) ?? [])
    .filter(({ id }) => id < before.id)
    .sort((a, b) => b.id - a.id)
  const since = before.statements.get(key)?.since
  const countedSince = Math.max(before.resetAt?.getTime() ?? 0, (since ?? 0) * 1_000)
  const starts: Start[] = bound && countedSince < bound.ranAt.getTime() ? kept : [...kept, 'everything']
  const [first = 'nothing kept', ...rest] = starts
  return [first, ...rest]
}

function hasEnough(key: string, start: Start, before: KeptReading): boolean {
  if (typeof start === 'string') return true
  const interval = intervalBefore(key, start, before)
  return 'calls' in interval && interval.calls >= leastCalls
}

/** The calls up to the migration. */
function intervalBefore(
  key: string,
  start: KeptReading | undefined,
  before: KeptReading,
): Interval | { reason: string } {
  const last = before.statements.get(key)
  if (!last) return { calls: 0, mean: 0, variance: 0, blocksPerCall: 0 }
  if (!start || countsOnlySince(start, before, key)) return intervalBetween(undefined, last)
  const broken = breakBetween(start, before, key)
  return broken === undefined ? intervalBetween(start.statements.get(key), last) : { reason: broken }
}

/** The calls before a migration and since; undefined if the statement is no longer counted. */
export function intervalsOf(
  key: string,
  { start, before, after, end }: Bounds,
): { before: Interval; after: Interval } | { reason: string } | undefined {
  const last = end.statements.get(key)
  if (!last) return undefined
  const broken = breakBetween(before, after, key) ?? breakBetween(after, end, key)
  if (broken !== undefined) return { reason: broken }
  const earlier = intervalBefore(key, start, before)
  if ('reason' in earlier) return earlier
  const later = intervalBetween(after.statements.get(key), last)
  return 'reason' in later ? later : { before: earlier, after: later }
}
