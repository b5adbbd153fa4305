/**
 * The mean of the lower half of the values. Other work of the machine only adds to a time, mostly to those in the upper half.
 * The lower half still has the work's own occasional costs.
 */
export function calmMean(values: readonly number[]): number {
  const calm = values.toSorted((one, other) => one - other).slice(0, Math.ceil(values.length / 2))
  return calm.reduce((sum, value) => sum + value, 0) / calm.length
}
