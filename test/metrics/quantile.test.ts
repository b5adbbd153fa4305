import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quantileOf } from '../../src/metrics/quantile.ts'

/** As pg_stat_monitor 2 prints them with its default settings, cut at the commas. */
const ranges =
  '{{0.000 - 1.000}, (1.000 - 2.778}, (2.778 - 4.162}, (4.162 - 100000.000}, (100000.000 - ...}}'.split(',')

test('a quantile lies in the range that its call lies in, by linear interpolation', () => {
  expect(quantileOf({ ranges, calls: [10, 0, 0, 0, 0] }, 0.5)).toBeCloseTo(0.5)
  expect(quantileOf({ ranges, calls: [0, 4, 0, 0, 0] }, 0.5)).toBeCloseTo((1 + 2.778) / 2)
  expect(quantileOf({ ranges, calls: [98, 1, 1, 0, 0] }, 0.99)).toBeCloseTo(2.778)
  expect(quantileOf({ ranges, calls: [1, 0, 0, 0, 99] }, 0.99)).toBe(100_000)
})

test('without calls, or in a format that we do not know, there is none', () => {
  expect(quantileOf({ ranges, calls: [0, 0, 0, 0, 0] }, 0.5)).toBeUndefined()
  expect(quantileOf({ ranges, calls: [] }, 0.5)).toBeUndefined()
  expect(quantileOf({ ranges: ['less than 1'], calls: [3] }, 0.5)).toBeUndefined()
})

test('it is never outside the range of the call that has this place', () => {
  const bounds = [0, 1, 2.778, 4.162, 100_000, Infinity]
  fc.assert(
    fc.property(
      fc
        .array(fc.nat(50), { minLength: 5, maxLength: 5 })
        .filter((calls) => calls.some((count) => count > 0)),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (calls, share) => {
        const sorted = calls.flatMap((count, at) => Array<number>(count).fill(at))
        const range = sorted[Math.max(0, Math.ceil(share * sorted.length - 1e-9) - 1)] ?? 0
        const quantile = quantileOf({ ranges, calls }, share) ?? NaN
        expect(quantile).toBeGreaterThanOrEqual((bounds[range] ?? 0) - 1e-9)
        expect(quantile).toBeLessThanOrEqual((bounds[range + 1] ?? 0) + 1e-9)
      },
    ),
  )
})
