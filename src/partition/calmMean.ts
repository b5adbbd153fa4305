/** The mean of the lower half: other work of the machine only adds to a time. */
export function calmMean(values: readonly number[]): number {
  const calm = values.toSorted((one, other) => one - other).slice(0, Math.ceil(values.length / 2))
  return calm.reduce((sum, value) => sum + value, 0) / calm.length
}
