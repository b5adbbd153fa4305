import type { History, Point, Series } from './history.ts'
import { seriesOf } from './history.ts'
import type { KeptMetric } from './kept.ts'
import { keptMetrics } from './kept.ts'
import { trendOf } from './trend.ts'

/** When something runs out, at the pace of the time that was watched. */
export interface Forecast {
  series: Series
  /** `the disk is full` */
  happens: string
  /** The value now, on the line, and where it ends. */
  value: number
  end: number
  /** Per day. */
  pace: number
  /** Seconds of history that it is made from. */
  watched: number
  outcome: Outcome
}

export type Outcome =
  /** In so many seconds, by the middle, the fastest and the slowest pace. */
  | { kind: 'reached'; inSeconds: number; earliest: number; latest: number }
  /** It does not move towards its end, as far as anybody can tell. */
  | { kind: 'no-trend' }
  /** It comes back from time to time, and never came nearer to its end than `nearest`. */
  | { kind: 'comes-back'; nearest: number }
  | { kind: 'too-short' }

const hour = 3_600
const day = 24 * hour
/** With less, a nightly job would look like growth. */
const shortest = day
/** Of daily values there is enough to see a trend from two weeks on. */
const longFrom = 14 * day

/**
 * Foretells for every metric that can run out when it does, in the order of the report: by a line through its greatest
 * values of each hour, or of each day where there are two weeks of them. What falls back from time to time, as the age of
 * transaction ids does after a VACUUM, is judged by how near it came to its end, unless it is nearer now.
 */
export function foretell(history: History, now: Date): Forecast[] {
  return keptMetrics.flatMap((kept) => {
    const { end } = kept
    if (!end) return []
    return seriesOf(history, kept.metric.id).flatMap(({ series, points }) => {
      const forecast = foretellSeries(series, { ...kept, end }, points, now.getTime() / 1_000)
      return forecast ? [forecast] : []
    })
  })
}

function foretellSeries(
  series: Series,
  { end }: KeptMetric & { end: { at: number; happens: string } },
  tiers: readonly { seconds: number; points: Point[] }[],
  now: number,
): Forecast | undefined {
  const points = chooseTier(tiers, now).map(({ at, mean, max }) => ({ at, value: end.at === 0 ? mean : max }))
  const [first] = points
  const last = points.at(-1)
  if (!first || !last) return undefined
  const watched = now - first.at
  const about = { series, happens: end.happens, end: end.at, watched }
  const distance = (value: number): number => Math.abs(end.at - value)
  if (watched < shortest) return { ...about, value: last.value, pace: 0, outcome: { kind: 'too-short' } }

  const { since, nearest } = sinceLastFall(points, end.at)
  const span = Math.max(...points.map(({ value }) => value)) - Math.min(...points.map(({ value }) => value))
  if (nearest !== undefined && distance(last.value) > distance(nearest) - falls.ofRange * span) {
    const outcome: Outcome = { kind: 'comes-back', nearest }
    return { ...about, value: last.value, pace: 0, outcome }
  }
  const trend = trendOf(since)
  if (!trend) return { ...about, value: last.value, pace: 0, outcome: { kind: 'too-short' } }
  const value = trend.at(now)
  const towards = Math.sign(end.at - value)
  const [slow, fast] = [trend.least * towards, trend.most * towards].sort((one, other) => one - other)
  const pace = trend.slope * day
  // Where the interval contains no movement at all, nothing can be said; nor where it moves away.
  if (fast === undefined || slow === undefined || slow <= 0) {
    return { ...about, value, pace, outcome: { kind: 'no-trend' } }
  }
  const inSeconds = (by: number): number => distance(value) / by
  const outcome: Outcome = {
    kind: 'reached',
    inSeconds: inSeconds(trend.slope * towards),
    earliest: inSeconds(fast),
    latest: inSeconds(slow),
  }
  return { ...about, value, pace, outcome }
}

/** The days where there are two weeks of them, else the hours, else the shortest buckets; nothing from the future. */
export function chooseTier(tiers: readonly { seconds: number; points: Point[] }[], now: number): Point[] {
  const past = tiers.map(({ seconds, points }) => ({
    seconds,
    // The last bucket is not over yet.
    points: points.flatMap((point) =>
      point.at - seconds / 2 <= now ? { ...point, at: Math.min(point.at, now) } : [],
    ),
  }))
  const span = ({ points }: { points: Point[] }): number => now - (points[0]?.at ?? now)
  const days = past.find(({ seconds }) => seconds === day)
  if (days && span(days) >= longFrom) return days.points
  const hours = past.find(({ seconds }) => seconds === hour)
  if (hours && span(hours) >= shortest) return hours.points
  return past[0]?.points ?? []
}

/** A fall is more than half of what was risen before it, and no mere noise: more than a fifth of the whole range. */
const falls = { ofRise: 0.5, ofRange: 0.2 }

/**
 * The points since the value last fell back, and how near it had come to its end before that; all points where it never
 * did.
 */
function sinceLastFall(
  points: readonly { at: number; value: number }[],
  end: number,
): { since: readonly { at: number; value: number }[]; nearest: number | undefined } {
  const distances = points.map(({ value }) => Math.abs(end - value))
  const range = Math.max(...distances) - Math.min(...distances)
  let [base, lastFall] = [distances[0] ?? 0, 0]
  for (const [index, distance] of distances.entries()) {
    const before = distances[index - 1] ?? distance
    const fall = distance - before
    if (fall > falls.ofRise * (base - before) && fall > falls.ofRange * range) lastFall = index
    base = lastFall === index ? distance : Math.max(base, distance)
  }
  if (lastFall === 0) return { since: points, nearest: undefined }
  const nearest = Math.min(...distances.slice(0, lastFall))
  return { since: points.slice(lastFall), nearest: points[distances.indexOf(nearest)]?.value }
}
