/** Independent measurements, by their number, mean and variance (of the sample, divided by n - 1). */
export interface Sample {
  calls: number
  mean: number
  variance: number
}

/**
 * Welch's t-test for two samples of unequal variance: how likely a difference of the means at least this large is by
 * chance, if there is none. Degrees of freedom by Welch and Satterthwaite (B. L. Welch: The generalization of "Student's"
 * problem when several different population variances are involved, Biometrika 34, 1947).
 *
 *     t = (mean1 - mean2) / sqrt(v1 + v2)              with v = variance / calls
 *     df = (v1 + v2) ** 2 / (v1 ** 2 / (n1 - 1) + v2 ** 2 / (n2 - 1))
 */
export function welchTest(one: Sample, other: Sample): number {
  const [v1, v2] = [one.variance / one.calls, other.variance / other.calls]
  const difference = one.mean - other.mean
  if (v1 + v2 === 0) return difference === 0 ? 1 : 0
  const t = difference / Math.sqrt(v1 + v2)
  const freedom = (v1 + v2) ** 2 / (v1 ** 2 / (one.calls - 1) + v2 ** 2 / (other.calls - 1))
  return studentTail(t, freedom)
}

/** P(|T| >= |t|) of Student's t: the incomplete beta function I(df / 2, 1 / 2) at df / (df + t ** 2). */
export function studentTail(t: number, freedom: number): number {
  return incompleteBeta(freedom / (freedom + t ** 2), freedom / 2, 0.5)
}

/**
 * Holm's correction for several tests at once (S. Holm: A simple sequentially rejective multiple test procedure, 1979):
 * the smallest of n values is multiplied by n, the next by n - 1, and none gets smaller than the one before it.
 */
export function holm(values: number[]): number[] {
  const order = values.map((value, at) => ({ value, at })).sort((a, b) => a.value - b.value)
  const corrected = new Array<number>(values.length)
  let least = 0
  for (const [rank, { value, at }] of order.entries()) {
    least = Math.min(1, Math.max(least, value * (values.length - rank)))
    corrected[at] = least
  }
  return corrected
}

/** The regularized incomplete beta function, by its continued fraction (NIST DLMF 8.17.22) and symmetry. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b))
  return (front / a) * betaFraction(x, a, b)
}

/** 1 / (1 + d1 / (1 + d2 / (1 + ...))), by Lentz's method: numerator and denominator as ratios of convergents. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  let c = 1
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1))
  let value = d
  for (let m = 1; m <= 1_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / nonZero(1 + even * d)
    c = nonZero(1 + even / c)
    value *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonZero(1 + odd * d)
    c = nonZero(1 + odd / c)
    value *= d * c
    if (Math.abs(d * c - 1) < 1e-14) break
  }
  return value

  function nonZero(number: number): number {
    return Math.abs(number) < tiny ? tiny : number
  }
}

/** ln Gamma(x) for x > 0, by Stirling's series (DLMF 5.11.1) above 10, and by the recurrence below. */
function logGamma(x: number): number {
  let shift = 0
  let large = x
  for (; large < 10; large += 1) shift += Math.log(large)
  const inverse = 1 / large ** 2
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / large
  return (large - 0.5) * Math.log(large) - large + 0.5 * Math.log(2 * Math.PI) + series - shift
}
