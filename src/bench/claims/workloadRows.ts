import type { BenchRow } from '../row.ts'
import { median } from '../../median.ts'
import { benchRow } from '../bench.ts'
import type { MeasuredStatement, Weighted } from './wholeWorkload.ts'
import { isSlower, slowerByMs, weigh } from './wholeWorkload.ts'

/** A claim about a group of statements of the workload. */
interface StatementClaim {
  id: string
  title: string
  claim: string
  atLeast: number
  /** Names in workload.sql. */
  statements: string[]
}

/** What the plan calls availability, search and reviews: all statements about each. */
export const statementClaims: StatementClaim[] = [
  {
    id: 'availability',
    title: 'Booking availability',
    claim: '50-80 % faster',
    atLeast: 20,
    statements: ['availability', 'professional_busy_times', 'professional_weekly_hours', 'free_slot'],
  },
  {
    id: 'search',
    title: 'Professional search',
    claim: '60-90 % faster',
    atLeast: 20,
    statements: [
      'search_city',
      'search_city_by_price',
      'search_city_signed_in',
      'count_in_city',
      'home_top_rated',
    ],
  },
  {
    id: 'reviews',
    title: 'Reviews and ratings',
    claim: '40-70 % faster',
    atLeast: 20,
    statements: [
      'review_summary',
      'review_histogram',
      'latest_reviews',
      'my_reviews',
      'reviews_to_answer',
      'refresh_rating',
    ],
  },
]

const userFacingAtLeast = 100
const bestAtLeast = 500
const overallAtLeast = 100
const buffersAtLeast = 50

/** One row for each claim about a group of statements: the mean cost of a call, weighted by how often each is sent. */
export function groupRows(claims: StatementClaim[], measured: MeasuredStatement[]): BenchRow[] {
  return claims.map(({ id, title, claim, atLeast, statements }) => {
    const own = measured.filter(({ statement }) => statements.includes(statement.name))
    return timeRow({
      id,
      title,
      claim,
      own,
      how: `${statements.length} statements`,
      met: atLeastTimes(atLeast),
    })
  })
}

/** Everything that visitors and users send, behind row-level security. */
export function userFacingRow(measured: MeasuredStatement[]): BenchRow {
  const own = measured.filter(({ statement }) => statement.role !== 'service_role')
  const slower = own.filter(isSlower)
  const boundMs = slowerByMs(median(own.map(({ planningMs }) => planningMs)))
  const costlier = own.filter(({ before, after }) => after.ms > before.ms * 1.1)
  return timeRow({
    id: 'rls',
    title: 'All that users send, behind row-level security',
    claim: '60-95 % faster',
    own,
    how: `${own.length} statements; slower by more than 0.1 ms of the reference machine, here ${boundMs.toFixed(2)} ms: ${list(slower)}; by more than a tenth: ${list(costlier)}`,
    met: (ratio) => ratio >= userFacingAtLeast && slower.length === 0,
  })
}

/** The statement that gained most. */
export function bestRow(measured: MeasuredStatement[]): BenchRow {
  const gain = ({ before, after }: MeasuredStatement): number => before.ms / after.ms
  const sorted = measured.toSorted((a, b) => gain(b) - gain(a))
  const best = sorted[0] as MeasuredStatement
  const next = sorted
    .slice(1, 4)
    .map((one) => `${one.statement.name} ${Math.round(gain(one)).toLocaleString('en-US')}x`)
  return timeRow({
    id: 'single_query',
    title: `The best single statement: ${best.statement.name}`,
    claim: '50-500x',
    own: [best],
    how: `then ${next.join(', ')}; the median of all is ${Math.round(gain(sorted[Math.floor(sorted.length / 2)] as MeasuredStatement))}x`,
    met: atLeastTimes(bestAtLeast),
  })
}

/** The whole workload, weighted by frequency: time, and buffers. */
export function overallRows(measured: MeasuredStatement[]): BenchRow[] {
  const { beforeBuffers, afterBuffers, beforeMs, afterMs } = weigh(measured)
  const calls = measured.reduce((sum, { statement }) => sum + statement.calls, 0)
  return [
    benchRow({
      id: 'overall',
      title: `The whole workload of an hour, ${calls.toLocaleString('en-US')} calls`,
      claim: '10-100x',
      before: beforeMs,
      after: afterMs,
      unit: 'ms',
      met: beforeMs / afterMs >= overallAtLeast,
      buffers: rounded({ beforeBuffers, afterBuffers }, 1),
      how: `${measured.length} statements as those who send them, calls times median`,
    }),
    benchRow({
      id: 'overall_buffers',
      title: 'Buffers that it touches',
      claim: '10-100x',
      before: beforeBuffers,
      after: afterBuffers,
      unit: 'blocks',
      met: beforeBuffers / afterBuffers >= buffersAtLeast,
      how: 'shared blocks of 8 kB, planning not included',
    }),
  ]
}

function timeRow({
  own,
  how,
  met,
  ...row
}: {
  id: string
  title: string
  claim: string
  own: MeasuredStatement[]
  how: string
  met: (ratio: number) => boolean
}): BenchRow {
  const weighted = weigh(own)
  const calls = own.reduce((sum, { statement }) => sum + statement.calls, 0)
  const runs = Math.min(...own.flatMap(({ before, after }) => [before.runs, after.runs]))
  return benchRow({
    ...row,
    before: weighted.beforeMs / calls,
    after: weighted.afterMs / calls,
    unit: 'ms',
    met: met(weighted.beforeMs / weighted.afterMs),
    buffers: rounded(weighted, calls),
    how: `${how}; mean of a call weighted by frequency, medians of ${runs} or more warm runs on each database in turn, planning included`,
  })
}

function rounded(
  { beforeBuffers, afterBuffers }: Pick<Weighted, 'beforeBuffers' | 'afterBuffers'>,
  by: number,
) {
  return { before: Math.round(beforeBuffers / by), after: Math.round(afterBuffers / by) }
}

function atLeastTimes(times: number): (ratio: number) => boolean {
  return (ratio) => ratio >= times
}

function list(measured: MeasuredStatement[]): string {
  if (measured.length === 0) return 'none'
  return measured
    .map(({ statement, before, after }) => `${statement.name} (+${(after.ms - before.ms).toFixed(2)} ms)`)
    .join(', ')
}
