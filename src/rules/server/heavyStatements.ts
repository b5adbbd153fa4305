import { NotSeen } from '../../catalog/notSeen.ts'
import { readServerFacts } from '../../catalog/server.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import type { StatementStatistics } from '../../catalog/statements.ts'
import { readStatements } from '../../catalog/statements.ts'
import { excerpt } from '../../syntax/excerpt.ts'
import { withoutLiterals } from '../../syntax/withoutLiterals.ts'
import { isDominant, isSlow, leastCalls } from '../../workload/slowStatements.ts'
import { measured } from '../remedies.ts'
import type { Fact, Level, Remedy, Violation } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { whatIsHidden } from './hiddenStatements.ts'

/** A statement with a large part of something that all statements use. */
export interface HeavyStatement {
  statement: StatementStatistics
  amount: number
  /** Of what all statements of the application use, 0 to 1. */
  share: number
  level: Level
}

/** All statements together. */
interface Whole {
  amount: number
  /** Milliseconds of planning and executing. */
  timeMs: number
  /** Since the counters began, and at least one: of less time nothing is foretold. Null where that is not known. */
  days: number | null
}

/** Something that statements use, and from when on a statement uses much of it. */
export interface Resource {
  amountOf(statement: StatementStatistics): number
  /** Of a statement that has a quarter of the whole; undefined where even that is little. */
  levelOf(amount: number, whole: Whole, statement: StatementStatistics): Level | undefined
  /** `4.2 GB of WAL, 63 % of what all statements write` */
  describe(heavy: HeavyStatement): string
  fact(heavy: HeavyStatement): Fact
}

const gibibyte = 1024 ** 3
/** A server that writes two segments of 16 MB a minute keeps replicas and the archive busy all day. */
const muchWalPerDay = 2 * 60 * 24 * 16 * 1024 ** 2
/** A smaller part of the whole is not what makes the whole large. */
const leastShare = 0.25
/** Less than a minute since the counters began matters to nobody, and neither does less than a twentieth of all time. */
const leastTime = { ms: 60_000, share: 0.05 }
/** From a fifth of all time on, the server has that much room to gain. */
const muchTime = 0.2

function levelOfTime(ms: number, whole: Whole, least: typeof leastTime): Level | undefined {
  if (ms < least.ms || ms < least.share * whole.timeMs) return undefined
  return ms >= muchTime * whole.timeMs ? 'warn' : 'info'
}

/** Write-ahead log, from that much on, and from that much a day. */
export function wal(leastBytes = gibibyte): Resource {
  return {
    amountOf: ({ walBytes }) => walBytes,
    levelOf(amount, { days, amount: all }) {
      if (amount < leastBytes * (days ?? 1)) return undefined
      return days !== null && amount >= muchWalPerDay * days && amount >= all / 2 ? 'warn' : 'info'
    },
    describe: ({ amount, share }) =>
      `${gigabytes(amount)} of write-ahead log, ${percent(share)} of what all statements write`,
    fact: ({ amount }) => measured('write-ahead log', amount, 'bytes'),
  }
}

/** Time of reading and writing, from so many milliseconds and such a share of all time on. */
export function io(least = leastTime): Resource {
  return {
    amountOf: ({ ioMs }) => ioMs,
    levelOf: (amount, whole) => levelOfTime(amount, whole, least),
    describe: ({ amount, share }) =>
      `${time(amount)} of reading and writing, ${percent(share)} of all I/O time`,
    fact: ({ amount }) => measured('I/O time', Math.round(amount), 'ms'),
  }
}

/** Time of planning, from so much on, where it is more than that of executing. */
export function planning(least = leastTime): Resource {
  return {
    amountOf: ({ planMs }) => planMs,
    levelOf: (amount, whole, { totalMs }) =>
      amount > totalMs ? levelOfTime(amount, whole, least) : undefined,
    describe: ({ amount, share }) =>
      `${time(amount)} of planning, more than of executing, ${percent(share)} of all planning time`,
    fact: ({ amount }) => measured('planning time', Math.round(amount), 'ms'),
  }
}

/** The statements that use most of it, those of slow_query too. */
export async function listHeavy(context: Snapshot, resource: Resource): Promise<HeavyStatement[]> {
  const { statements, countedSince } = await context.read(readStatements)
  const { now } = await context.read(readServerFacts)
  const sum = (figure: (statement: StatementStatistics) => number) =>
    statements.reduce((total, statement) => total + figure(statement), 0)
  const whole: Whole = {
    amount: sum(resource.amountOf),
    timeMs: sum(({ totalMs, planMs }) => totalMs + planMs),
    days: countedSince && Math.max(1, (now.getTime() - countedSince.getTime()) / 86_400_000),
  }
  return statements.flatMap((statement) => {
    const amount = resource.amountOf(statement)
    const share = amount / Math.max(whole.amount, Number.MIN_VALUE)
    // A load or a migration runs once or twice.
    if (statement.calls < leastCalls || share < leastShare) return []
    const level = resource.levelOf(amount, whole, statement)
    return level === undefined ? [] : [{ statement, amount, share, level }]
  })
}

/**
 * A finding for each of them that slow_query does not name: of the others, slow_query says it.
 *
 * @throws CannotSee where pg_stat_statements is not there, or hides statements of other roles
 */
export async function heavyFindings(
  context: Snapshot,
  resource: Resource,
  remedyFor: (statement: StatementStatistics) => Remedy,
): Promise<Violation[]> {
  try {
    const { statements, hidden } = await context.read(readStatements)
    const totalMs = statements.reduce((sum, statement) => sum + statement.totalMs, 0)
    const findings = (await listHeavy(context, resource))
      .filter(({ statement }) => !isSlow(statement, totalMs) && !isDominant(statement, totalMs))
      .map((heavy): Violation => {
        const { statement, share, level } = heavy
        return {
          level,
          subject: ['statement', statement.id],
          detail: `${statement.calls.toLocaleString('en-US')} calls take ${resource.describe(heavy)}: ${excerpt(withoutLiterals(statement.text))}`,
          evidence: [
            resource.fact(heavy),
            measured('share', Number((100 * share).toFixed(1)), '%'),
            measured('calls', statement.calls),
            measured('total time', Math.round(statement.totalMs), 'ms'),
            measured('role', statement.role),
          ],
          remedy: remedyFor(statement),
        }
      })
    if (hidden.statements > 0) throw new CannotSee(whatIsHidden(hidden.statements), findings)
    return findings
  } catch (error) {
    if (error instanceof NotSeen && !(error instanceof CannotSee)) throw new CannotSee(error.message)
    throw error
  }
}

function gigabytes(bytes: number): string {
  return bytes >= gibibyte
    ? `${(bytes / gibibyte).toFixed(1)} GB`
    : `${Math.max(1, Math.round(bytes / 1024 ** 2))} MB`
}

function time(ms: number): string {
  const seconds = ms / 1_000
  return seconds >= 600 ? `${Math.round(seconds / 60)} min` : `${Number(seconds.toPrecision(3))} s`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`
}
