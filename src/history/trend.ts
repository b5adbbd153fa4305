import { median } from '../median.ts'

/** A straight line through points that are not on one, and how sure its slope is. */
export interface Trend {
  /** Per second. */
  slope: number
  /** The slope is between these with a probability of 95 %. */
  least: number
  most: number
  /** The line's value at a time. */
  at(time: number): number
}

/** With fewer points a slope says nothing. */
const fewest = 6

/**
 * The median of the slopes between any two points, which a third of wild points does not change (Theil 1950, Sen 1968),
 * with the interval that the distribution of Kendall's rank correlation gives (Gilbert 1987, section 16.4). Undefined for
 * fewer than six points.
 *
 * @param points at most some hundred: the work grows with their square
 */
export function trendOf(points: readonly { at: number; value: number }[]): Trend | undefined {
  const count = points.length
  if (count < fewest) return undefined
  const slopes: number[] = []
  for (const [index, { at, value }] of points.entries()) {
    for (const later of points.slice(index + 1)) {
      if (later.at > at) slopes.push((later.value - value) / (later.at - at))
    }
  }
  slopes.sort((one, other) => one - other)
  const slope = median(slopes)
  const spread = 1.96 * Math.sqrt((count * (count - 1) * (2 * count + 5)) / 18)
  const bound = (rank: number): number =>
    slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(rank)))] ?? slope
  const intercept = median(points.map(({ at, value }) => value - slope * at))
  return {
    slope,
    least: bound((slopes.length - spread) / 2 - 1),
    most: bound((slopes.length + spread) / 2),
    at: (time) => intercept + slope * time,
  }
}
