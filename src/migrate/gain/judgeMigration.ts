import { display } from '../../postgres/identifiers.ts'
import type { ChangedObjects } from './changedObjects.ts'
import type { CountedStatement } from './countedStatement.ts'
import type { Change } from './gainLog.ts'
import type { Bounds } from './bounds.ts'
import { boundsOf, intervalsOf } from './bounds.ts'
import type { Interval } from './interval.ts'
import type { Compared } from './judge.ts'
import { judgeAll, leastCalls } from './judge.ts'
import type { Evidence } from './evidence.ts'
import type { IndexGain, MigrationGain, StatementGain } from './verifyGain.ts'
import type { LoggedChange } from './evidence.ts'
import { nameKey } from './evidence.ts'

/** A month and its reports, and a few days more; the same as for the rule `unused_index`. */
const daysUnused = 35
/** A table with fewer reads is not in use, and so says nothing of its indexes. */
const leastReads = 100
const dayMs = 86_400_000

/**
 * The verdict on one migration: `lost` if a statement got slower; else `unused` if all that it did was to make indexes
 * which nobody scanned; else `gained` if a statement got faster. While a statement may have become slower, there is none.
 */
export function judgeMigration(change: LoggedChange, evidence: Evidence): MigrationGain {
  const indexes = change.objects.indexes.map((index) => watchIndex(index, change, evidence))
  const noCounters = whyNoCounters(change, evidence)
  const statements = noCounters === undefined ? judgeStatements(change, evidence) : ([] as StatementGain[])
  const reason = noCounters ?? whyUnknown(change, statements, evidence)
  const gain = { name: change.name, statements, indexes, savedMs: saved(statements) }
  if (statements.some(({ verdict }) => verdict === 'lost')) return { ...gain, verdict: 'lost' }
  if (statements.some(({ mayBeLost }) => mayBeLost)) return { ...gain, verdict: 'unknown', reason: mayBeLost }
  if (isUnused(change, indexes)) return { ...gain, verdict: 'unused' }
  if (statements.some(({ verdict }) => verdict === 'gained')) return { ...gain, verdict: 'gained' }
  return { ...gain, verdict: 'unknown', reason }
}

const mayBeLost = 'a statement touches more blocks, and with so few calls its time may be chance'

function isUnused({ objects }: LoggedChange, indexes: IndexGain[]): boolean {
  return (
    objects.onlyMakesIndexes && indexes.length > 0 && indexes.every(({ verdict }) => verdict === 'unused')
  )
}

function whyNoCounters(change: LoggedChange, { now, readings }: Evidence): string | undefined {
  if (change.reason !== null) return change.reason
  if ('reason' in now) return now.reason
  if (!readings.has(change.before ?? -1) || !readings.has(change.after ?? -1)) {
    return 'its counters are no longer kept: 40 later runs have taken their place'
  }
  return undefined
}

function whyUnknown({ objects }: LoggedChange, statements: StatementGain[], { now }: Evidence): string {
  if (objects.tables.length === 0 && objects.functions.length === 0) {
    return 'its statements name no table and no function'
  }
  const hidden = 'hidden' in now ? now.hidden : 0
  if (statements.length === 0) {
    return hidden > 0
      ? `no statement that this role may see touches it, and ${hidden} of other roles are hidden: GRANT pg_read_all_stats`
      : 'no statement that was called touches it'
  }
  if (statements.every(({ verdict }) => verdict === 'same')) return 'no statement changed by more than 15 %'
  const [first] = statements.filter(({ verdict }) => verdict === 'unknown')
  return first?.reason ?? 'no statement can be compared'
}

/** Milliseconds that the calls since the migration took less than as many calls before it. */
function saved(statements: StatementGain[]): number {
  return statements.reduce((sum, { verdict, calls, meanBefore, meanAfter, machine }) => {
    if (verdict !== 'gained' && verdict !== 'lost') return sum
    return sum + calls * ((meanBefore ?? 0) * (machine ?? 1) - (meanAfter ?? 0))
  }, 0)
}

/** Whether an index was scanned since it was made, while its table was read. */
function watchIndex(
  index: ChangedObjects['indexes'][number],
  change: LoggedChange,
  evidence: Evidence,
): IndexGain {
  const name = display(index)
  const found = evidence.indexes.get(nameKey(index))
  if (!found) return { name, scans: null, verdict: 'unknown' }
  if (found.scans > 0) return { name, scans: found.scans, verdict: 'used' }
  const before = change.objects.tables.find((table) => nameKey(table) === nameKey(index.table))
  const reads = (evidence.tables.get(nameKey(index.table))?.reads ?? 0) - (before?.reads ?? 0)
  const isWatched =
    !found.isNeeded &&
    reads >= leastReads &&
    evidence.countersSince < change.ranAt &&
    evidence.takenAt.getTime() - change.ranAt.getTime() >= evidence.leastWindowMs
  if (!isWatched) return { name, scans: 0, verdict: 'unknown' }
  const from = new Date(change.ranAt.getTime() + daysUnused * dayMs)
  return { name, scans: 0, verdict: 'unused', takenBackFrom: from.toISOString() }
}

function judgeStatements(change: LoggedChange, evidence: Evidence): StatementGain[] {
  const listed: StatementGain[] = []
  const compared: { gain: StatementGain; compared: Compared }[] = []
  // Most statements have the same intervals, and so the same controls.
  const known = new Map<string, number[]>()
  const controlsAt = (bounds: Bounds): number[] => {
    const key = `${bounds.start?.id ?? ''} ${bounds.end.takenAt.toISOString()}`
    const controls = known.get(key) ?? controlsOf(change, bounds, evidence)
    known.set(key, controls)
    return controls
  }
  for (const statement of evidence.statements) {
    if (!evidence.touching.touches(statement, change.objects)) continue
    const found = compare(statement, change, evidence, controlsAt)
    if (found === undefined) continue
    const gain = toGain(statement, found)
    listed.push(gain)
    if ('compared' in found) compared.push({ gain, compared: found.compared })
  }
  for (const [at, judged] of judgeAll(compared.map((each) => each.compared)).entries()) {
    Object.assign(compared[at]?.gain ?? {}, judged)
  }
  const time = ({ calls, meanBefore, meanAfter }: StatementGain) =>
    calls * Math.max(meanBefore ?? 0, meanAfter ?? 0)
  return listed.sort((a, b) => time(b) - time(a))
}

type Found = { before?: Interval; after?: Interval } & ({ reason: string } | { compared: Compared })

function toGain({ query, role }: CountedStatement, found: Found): StatementGain {
  const { before, after } = found
  return {
    query,
    role,
    calls: after?.calls ?? 0,
    callsBefore: before?.calls ?? 0,
    meanBefore: before && before.calls > 0 ? before.mean : null,
    meanAfter: after && after.calls > 0 ? after.mean : null,
    blocksBefore: before && before.calls > 0 ? before.blocksPerCall : null,
    blocksAfter: after && after.calls > 0 ? after.blocksPerCall : null,
    machine: 'compared' in found ? found.compared.machine : null,
    significance: null,
    verdict: 'unknown',
    ...('reason' in found ? { reason: found.reason } : {}),
  }
}

/** The two intervals of a statement; undefined if it was not called in either of them. */
function compare(
  statement: CountedStatement,
  change: LoggedChange,
  evidence: Evidence,
  controlsAt: (bounds: Bounds) => number[],
): Found | undefined {
  const bounds = boundsOf(statement, change, evidence)
  if ('reason' in bounds) return bounds
  const intervals = intervalsOf(statement.key, bounds)
  if (intervals === undefined || 'reason' in intervals) return intervals
  const { before, after } = intervals
  if (before.calls === 0 && after.calls === 0) return undefined
  const reason = whyNotComparable(statement, change, evidence)
  if (reason !== undefined) return { ...intervals, reason }
  if (before.calls < leastCalls) {
    return { ...intervals, reason: `too few calls before the migration: ${before.calls} of ${leastCalls}` }
  }
  if (after.calls < leastCalls) {
    return { ...intervals, reason: `too few calls since the migration: ${after.calls} of ${leastCalls}` }
  }
  const controls = controlsAt(bounds)
  const growth = growthOf(change, evidence)
  return { ...intervals, compared: { before, after, controls, machine: median(controls), growth } }
}

/** Whether another migration of the same run may have caused what is seen, or this one cannot have. */
function whyNotComparable(
  statement: CountedStatement,
  change: LoggedChange,
  { changes, touching, indexes, undated }: Evidence,
): string | undefined {
  if (touching.isAmbiguous(statement)) {
    return 'it names a table without its schema, and several schemas have one of that name'
  }
  const unclear = undated.find(({ objects }) => !objects || touching.touches(statement, objects))
  if (unclear) return `${unclear.name} was taken back by a run that was cut off, and touches it too`
  const mayMatter = ({ objects }: Change) =>
    !objects ||
    !objects.onlyMakesIndexes ||
    statement.writes ||
    objects.indexes.some((index) => indexes.get(nameKey(index))?.scans !== 0)
  if (!mayMatter(change)) return 'it only reads, and the index was not scanned'
  const other = changes.find(
    (each) =>
      each.run === change.run &&
      each.id !== change.id &&
      (!each.objects || touching.touches(statement, each.objects)) &&
      mayMatter(each),
  )
  return other && `${other.name} was applied in the same run and touches it too`
}

/** How much longer than before untouched statements took, between the same readings. */
function controlsOf(change: LoggedChange, bounds: Bounds, evidence: Evidence): number[] {
  const { changes, statements, touching } = evidence
  const from = bounds.start?.takenAt.getTime() ?? 0
  const until = bounds.end.takenAt.getTime()
  const between = changes.filter(
    ({ run, ranAt }) => run === change.run || (ranAt.getTime() > from && ranAt.getTime() < until),
  )
  return statements
    .filter((statement) => !between.some(({ objects }) => !objects || touching.touches(statement, objects)))
    .flatMap(({ key }) => {
      const intervals = intervalsOf(key, bounds)
      if (!intervals || 'reason' in intervals) return []
      const { before, after } = intervals
      return before.calls >= leastCalls && after.calls >= leastCalls && before.mean > 0
        ? [after.mean / before.mean]
        : []
    })
}

/** How much the tables of a migration grew since it ran; at least 1. */
function growthOf({ objects }: LoggedChange, { tables }: Evidence): number {
  const grew = objects.tables.map((table) => {
    const now = tables.get(nameKey(table))?.liveRows ?? 0
    return table.liveRows > 0 ? now / table.liveRows : 1
  })
  return Math.max(1, ...grew)
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 1
}
