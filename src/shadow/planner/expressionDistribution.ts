import type { Evaluated } from './columnSamples.ts'

/** What an expression makes of a value of its column. */
export interface Answer {
  /** As PostgreSQL prints it; null where the expression is NULL. */
  text: string | null
  /** Bytes of the result. */
  width: number
  type: string
  /** The place of the result among the different results, in their order. */
  rank: number
}

type Sample = Evaluated<Answer>

/** What a column's statistics say of the column itself. */
export interface ColumnFacts {
  rows: number
  nullFraction: number
  /** How many different values it has. */
  distinct: number
  correlation: number | null
}

/** As ANALYZE would count it. Lists are in the order that `pg_statistic` has them in. */
export interface Distribution {
  nullFraction: number
  width: number
  /** As `pg_stats.n_distinct`. */
  distinct: number
  common: { text: string; frequency: number }[]
  histogram: string[]
  correlation: number | null
}

/** PostgreSQL's default statistics target: so many common values, and as many steps of a histogram. */
const target = 100

interface Result {
  text: string
  rank: number
  /** Of the rows, as far as samples say it. */
  counted: number
  assumed: number
  samples: number
  /** Those of them whose weight is assumed. */
  hits: number
}

/**
 * The distribution of an expression of one column, from samples of the column in its order.
 *
 * @param samples different values, with NULL as one of them
 */
export function distributionOf(samples: readonly Sample[], column: ColumnFacts): Distribution {
  const results = resultsOf(samples)
  const weightOf = (some: readonly Sample[]): number => sum(some.map(({ weight }) => weight))
  const nullFraction = weightOf(samples.filter(({ text }) => text === null))
  const present = samples.filter(({ text }) => text !== null)
  const width = sum(present.map((sample) => sample.width * sample.weight)) / Math.max(weightOf(present), 1e-9)
  const order = orderOf(present)
  const distinct = distinctResults(
    results,
    { samples: present.length, isMonotonic: Math.abs(order) > 0.98 },
    column,
  )
  const common = commonResults(results, distinct, 1 - nullFraction)
  const others = present.filter(({ rank }) => !common.some((result) => result.rank === rank))
  return {
    nullFraction,
    width: Math.max(1, Math.floor(width)),
    // As ANALYZE: a number that grows with the table is a share of its rows.
    distinct: distinct > column.rows * 0.1 ? -Math.min(1, distinct / column.rows) : Math.round(distinct),
    common: common.map(({ text, counted, assumed }) => ({ text, frequency: counted + assumed })),
    histogram: histogramOf(others),
    correlation: column.correlation === null ? null : correlationOf(present, order, column.correlation),
  }
}

function resultsOf(samples: readonly Sample[]): Result[] {
  const byRank = new Map<number, Result>()
  for (const { text, rank, weight, isCounted } of samples) {
    if (text === null) continue
    const result = byRank.get(rank) ?? { text, rank, counted: 0, assumed: 0, samples: 0, hits: 0 }
    byRank.set(rank, result)
    result.samples += 1
    if (isCounted) result.counted += weight
    else {
      result.assumed += weight
      result.hits += 1
    }
  }
  return [...byRank.values()]
}

/**
 * Haas and Stokes, "Estimating the number of classes in a finite population" (1998), as ANALYZE does: from so many
 * different values, with how many of their results come once. A column has at least as many values as results.
 */
function distinctResults(
  results: readonly Result[],
  { samples, isMonotonic }: { samples: number; isMonotonic: boolean },
  { distinct }: ColumnFacts,
): number {
  const seen = results.length
  const once = results.filter((result) => result.samples === 1).length
  if (seen === 0) return 0
  const values = Math.max(distinct, samples)
  // Samples are in regular steps: results in the same order that repeat leave none out.
  if (isMonotonic && seen < samples * 0.9) return seen
  const estimate = (samples * seen) / (samples - once + (once * samples) / values)
  return Math.min(Math.max(seen, estimate), values)
}

/** Results that come clearly more often than the others do; all of them where these are all that there are. */
function commonResults(results: readonly Result[], distinct: number, share: number): Result[] {
  const shareOf = ({ counted, assumed }: Result): number => counted + assumed
  const sorted = results.toSorted((a, b) => shareOf(b) - shareOf(a) || a.rank - b.rank)
  const isComplete = results.length <= target && distinct < results.length + 0.5
  if (isComplete) return sorted
  const common: Result[] = []
  let left = share
  for (const result of sorted) {
    if (common.length === target) break
    const average = left / Math.max(1, distinct - common.length)
    // One sample says that the result exists, and nothing of how often.
    if (result.hits === 1 && result.counted === 0) continue
    const noise = result.hits === 0 ? 0 : (2 * result.assumed) / Math.sqrt(result.hits)
    if (shareOf(result) - noise < average * (result.hits === 0 ? 1 : 1.25)) continue
    common.push(result)
    left -= shareOf(result)
  }
  return common
}

/** At most a hundred steps that hold equally many rows. */
function histogramOf(samples: readonly Sample[]): string[] {
  const sorted = samples.filter(({ isCounted }) => !isCounted).toSorted((a, b) => a.rank - b.rank)
  const steps = Math.min(target, sorted.length - 1)
  if (steps < 1 || sorted[0]?.rank === sorted.at(-1)?.rank) return []
  return Array.from({ length: steps + 1 }, (_, step) => {
    const at = Math.round((step * (sorted.length - 1)) / steps)
    return sorted[at]?.text ?? ''
  })
}

/**
 * ANALYZE counts equal values as being in order: each lot of them adds the square of its share. What is left of the
 * column's own correlation holds for the expression as far as it keeps the order.
 */
function correlationOf(samples: readonly Sample[], order: number, own: number): number {
  const total = sum(samples.map(({ weight }) => weight))
  const ties = (shares: Iterable<number>): number => sum([...shares].map((share) => (share / total) ** 2))
  const byResult = new Map<number, number>()
  for (const { rank, weight } of samples) byResult.set(rank, (byResult.get(rank) ?? 0) + weight)
  const inColumn = ties(samples.filter(({ isCounted }) => isCounted).map(({ weight }) => weight))
  const inResults = ties(byResult.values())
  const kept = inColumn < 1 ? ((own - inColumn) / (1 - inColumn)) * order : 0
  return Math.max(-1, Math.min(1, inResults + (1 - inResults) * kept))
}

/** 1 where results are in the order of the samples, -1 where they are in the reverse, 0 where in none. */
function orderOf(samples: readonly Sample[]): number {
  const ordered = samples.filter(({ isCounted }) => !isCounted)
  const count = ordered.length
  if (count < 2) return 0
  const places = ordered
    .map(({ rank }, place) => ({ rank, place }))
    .sort((a, b) => a.rank - b.rank || a.place - b.place)
  const middle = (count - 1) / 2
  const covariance = sum(places.map(({ place }, at) => (place - middle) * (at - middle)))
  return covariance / sum(places.map((_, at) => (at - middle) ** 2))
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
