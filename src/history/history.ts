import type { Measurement, Unit } from '../metrics/measurement.ts'
import { keptMetrics } from './kept.ts'

/** The values of one database over time, in three resolutions; it never grows beyond `mostBuckets` and `mostSeries`. */
export interface History {
  /** Its database, so that two never share a file. */
  database: string
  series: Series[]
  tiers: Tier[]
}

/** A metric with its labels, which has a number in the buckets: its place in the list. */
export interface Series {
  id: string
  unit: Unit
  labels: Record<string, string>
}

/** Buckets of equal length, the oldest first. */
export interface Tier {
  seconds: number
  buckets: Bucket[]
}

/** What was measured from `at` on, for as long as its tier says. */
export interface Bucket {
  /** Seconds since 1970. */
  at: number
  /** By the number of the series. */
  values: Record<number, Value>
}

export type Value = [mean: number, max: number, count: number]

/** Five minutes for a day, hours for two weeks, days for a year. */
export const tiers = [
  { seconds: 300, mostBuckets: 288 },
  { seconds: 3_600, mostBuckets: 336 },
  { seconds: 86_400, mostBuckets: 366 },
] as const

/** Labels come and go, as sequences do. A series that no bucket names any more makes room. */
export const mostSeries = 100

export function emptyHistory(database: string): History {
  return { database, series: [], tiers: tiers.map(({ seconds }) => ({ seconds, buckets: [] })) }
}

/**
 * Adds a round to every tier. A round that is older than the newest one, as after the clock was set back, finds its own
 * bucket; one that is older than all that a full tier keeps is dropped.
 */
export function addRound(history: History, measurements: readonly Measurement[], takenAt: Date): void {
  const wanted = measurements.filter(
    ({ id, value }) => Number.isFinite(value) && keptMetrics.some(({ metric }) => metric.id === id),
  )
  if (wanted.length === 0) return
  const known = new Map(history.series.map((series, number) => [keyOf(series), number]))
  const numbered = wanted.flatMap((measurement) => {
    const number = known.get(keyOf(measurement)) ?? addSeries(history, measurement)
    return number === undefined ? [] : [{ number, value: measurement.value }]
  })
  for (const [at, { seconds, mostBuckets }] of tiers.entries()) {
    const tier = history.tiers[at]
    if (!tier) continue
    const bucket = bucketOf(tier, Math.floor(takenAt.getTime() / 1_000 / seconds) * seconds)
    for (const { number, value } of numbered) bucket.values[number] = withValue(bucket.values[number], value)
    if (tier.buckets.length > mostBuckets) tier.buckets.splice(0, tier.buckets.length - mostBuckets)
  }
}

/** The series of a metric, each with its values in a tier: those without a value in a bucket are absent there. */
export function seriesOf(
  history: History,
  id: string,
): { series: Series; points: { seconds: number; points: Point[] }[] }[] {
  return history.series.flatMap((series, number) => {
    if (series.id !== id) return []
    const points = history.tiers.map(({ seconds, buckets }) => ({
      seconds,
      points: buckets.flatMap(({ at, values }) => {
        const value = values[number]
        // In the midst of the bucket: that is when its mean was reached.
        return value ? [{ at: at + seconds / 2, mean: value[0], max: value[1] }] : []
      }),
    }))
    return points.some((tier) => tier.points.length > 0) ? [{ series, points }] : []
  })
}

/** A value of a series: the mean and the greatest of what was measured around `at`, in seconds since 1970. */
export interface Point {
  at: number
  mean: number
  max: number
}

/** The number of a new series; undefined where there is no room. */
function addSeries(history: History, { id, unit, labels }: Measurement): number | undefined {
  if (history.series.length < mostSeries) return history.series.push({ id, unit, labels }) - 1
  const free = history.series.findIndex((_, number) =>
    history.tiers.every(({ buckets }) => buckets.every(({ values }) => values[number] === undefined)),
  )
  if (free < 0) return undefined
  history.series[free] = { id, unit, labels }
  return free
}

function keyOf({ id, labels }: Pick<Series, 'id' | 'labels'>): string {
  return JSON.stringify([id, ...Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1))])
}

/** The bucket of that time, made where there is none, in its place. */
function bucketOf({ buckets }: Tier, at: number): Bucket {
  let place = buckets.length
  while (place > 0 && (buckets[place - 1]?.at ?? 0) > at) place -= 1
  const known = buckets[place - 1]
  if (known?.at === at) return known
  const bucket = { at, values: {} }
  buckets.splice(place, 0, bucket)
  return bucket
}

function withValue(known: Value | undefined, value: number): Value {
  if (!known) return [value, value, 1]
  const [mean, max, count] = known
  return [mean + (value - mean) / (count + 1), Math.max(max, value), count + 1]
}
