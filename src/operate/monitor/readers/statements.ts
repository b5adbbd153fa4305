import { readResponseTimes } from '../../../catalog/responseTimes.ts'
import { NotSeen } from '../../../catalog/notSeen.ts'
import type { CountersReading, CountersSource } from '../../../catalog/statementCounters.ts'
import { findCountersSource, listCountedTexts, readTopCounters } from '../../../catalog/statementCounters.ts'
import { isOfApplication } from '../../../catalog/statements.ts'
import { statementMetrics as metrics } from '../../../metrics/definitions/statements.ts'
import { quantileOf } from '../../../metrics/quantile.ts'
import type { Database } from '../../../postgres/database.ts'
import type { MetricReader, Reading, RoundContext } from '../reader.ts'
import { labelsOf, measure, measureOr, together } from '../reader.ts'
import { deltasBetween, pool } from '../statementDeltas.ts'

/** The rest of the statements takes next to no time, and comparing thousands would. */
const mostCompared = 500
/** Each is a series of its own in every receiver. */
const mostInAll = 20
const mostRecent = 10

const { p50, p99, ...counted } = metrics

/** What is known of a statement without its text, which is read once. */
interface Known {
  isOfApplication: boolean
  role: string
}

/** Remembers the counters of the round before, and which statements are the application's. */
function countersReader(): MetricReader {
  let last: CountersReading | undefined
  const known = new Map<string, Known>()
  return {
    metrics: Object.values(counted),
    async read(context) {
      const source = await findCountersSource(context.db)
      const now = await readTopCounters(context.db, source, mostCompared)
      if (now.hidden > 0) {
        last = undefined
        throw new NotSeen(
          `${now.hidden} statements of other roles are hidden from this role; a member of pg_read_all_stats sees them`,
        )
      }
      await learn(known, now, context.db, source)
      const keys = [...now.statements.keys()].filter((key) => known.get(key)?.isOfApplication)
      const reading = together(inAll(context, now, keys, known), recent(context, last, now, keys, known))
      last = now
      return reading
    },
  }
}

/** If a statement is new, looks up all that are counted now. Texts are in a file: it is read only then. */
async function learn(
  known: Map<string, Known>,
  { statements }: CountersReading,
  db: Database,
  source: CountersSource,
): Promise<void> {
  if ([...statements.keys()].every((key) => known.has(key))) return
  known.clear()
  for (const { key, role, text } of await listCountedTexts(db, source)) {
    known.set(key, { isOfApplication: isOfApplication(text), role: role ?? key.split(' ')[0] ?? '' })
  }
}

function labelsOfStatement(context: RoundContext, key: string, known: Map<string, Known>) {
  return { user: known.get(key)?.role ?? '', ...labelsOf(context), queryid: key.split(' ')[1] ?? '' }
}

function inAll(
  context: RoundContext,
  { statements }: CountersReading,
  keys: string[],
  known: Map<string, Known>,
): Reading {
  const of = keys.flatMap((key) => {
    const counters = statements.get(key)
    return counters ? [{ key, ...counters }] : []
  })
  const calls = of.reduce((sum, each) => sum + each.calls, 0)
  const totalMs = of.reduce((sum, each) => sum + each.totalMs, 0)
  const worst = of.sort((one, other) => other.totalMs - one.totalMs).slice(0, mostInAll)
  return together(
    measureOr(
      metrics.mean,
      calls === 0 ? undefined : totalMs / calls / 1_000,
      labelsOf(context),
      'no statement of an application was counted since the reset',
    ),
    {
      measurements: worst.flatMap((each) => {
        const labels = labelsOfStatement(context, each.key, known)
        return [
          measure(metrics.statementCalls, each.calls, labels),
          measure(metrics.statementSeconds, each.totalMs / 1_000, labels),
        ]
      }),
    },
  )
}

function recent(
  context: RoundContext,
  last: CountersReading | undefined,
  now: CountersReading,
  keys: string[],
  known: Map<string, Known>,
): Reading {
  const labels = labelsOf(context)
  const deltas = deltasBetween(last, now, keys)
  if (typeof deltas === 'string') {
    const missing = [
      ...[metrics.recentMean, metrics.recentDeviation, metrics.rate],
      ...[metrics.statementMean, metrics.statementDeviation],
    ]
    return { measurements: [], skipped: missing.map(({ id }) => ({ id, reason: deltas })) }
  }
  const all = pool(deltas.intervals.values())
  const nothing = 'no statement of an application was executed since the round before'
  const worst = [...deltas.intervals]
    .sort(([, one], [, other]) => other.calls * other.mean - one.calls * one.mean)
    .slice(0, mostRecent)
  return together(
    measureOr(metrics.recentMean, all && all.meanMs / 1_000, labels, nothing),
    measureOr(metrics.recentDeviation, all && all.deviationMs / 1_000, labels, nothing),
    measureOr(
      metrics.rate,
      deltas.seconds > 0 ? (all?.calls ?? 0) / deltas.seconds : undefined,
      labels,
      "the server's clock was set back",
    ),
    {
      measurements: worst.flatMap(([key, { mean, variance }]) => {
        const of = labelsOfStatement(context, key, known)
        return [
          measure(metrics.statementMean, mean / 1_000, of),
          measure(metrics.statementDeviation, Math.sqrt(variance) / 1_000, of),
        ]
      }),
    },
  )
}

const histogram: MetricReader = {
  metrics: [p50, p99],
  async read(context) {
    const times = await context.read(readResponseTimes)
    const labels = labelsOf(context)
    const seconds = (share: number) => {
      const ms = quantileOf(times, share)
      return ms === undefined ? undefined : ms / 1_000
    }
    const nothing = 'pg_stat_monitor counted no statement of this database'
    return together(
      measureOr(p50, seconds(0.5), labels, nothing),
      measureOr(p99, seconds(0.99), labels, nothing),
    )
  },
}

/** Statements by the difference of two rounds; quantiles where the server has a histogram. */
export function statementReaders(): MetricReader[] {
  return [countersReader(), histogram]
}
