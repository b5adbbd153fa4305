import type { ResponseTimes } from '../catalog/responseTimes.ts'

/**
 * The time that a share of all calls stays within, in milliseconds: the place in its range by linear interpolation, as
 * Prometheus does it. In the last range, which has no end, its beginning. Undefined where nothing was called.
 */
export function quantileOf({ ranges, calls }: ResponseTimes, share: number): number | undefined {
  const bounds = ranges.map(parseRange)
  const all = calls.reduce((sum, count) => sum + count, 0)
  if (all === 0) return undefined
  const wanted = share * all
  let before = 0
  for (const [at, count] of calls.entries()) {
    const range = bounds[at]
    if (!range) return undefined
    if (count > 0 && before + count >= wanted) {
      const { from, to } = range
      return to === undefined ? from : from + ((to - from) * (wanted - before)) / count
    }
    before += count
  }
  return undefined
}

/** `{{0.000 - 1.000}`, ` (1.000 - 2.778}` or ` (100000.000 - ...}}`. */
function parseRange(text: string): { from: number; to: number | undefined } | undefined {
  const match = /(\d+(?:\.\d+)?) - (\d+(?:\.\d+)?|\.\.\.)/.exec(text)
  if (!match) return undefined
  return { from: Number(match[1]), to: match[2] === '...' ? undefined : Number(match[2]) }
}
