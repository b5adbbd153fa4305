import fc from 'fast-check'
import { expect, test } from 'vitest'
import { trendOf } from '../../src/history/trend.ts'

const points = (values: number[]) => values.map((value, at) => ({ at: at * 3_600, value }))

test('points on a line give that line, and no doubt about its slope', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: -1e3, max: 1e3, noNaN: true }),
      fc.integer({ min: 6, max: 60 }),
      (start, step, count) => {
        const trend = trendOf(points(Array.from({ length: count }, (_, at) => start + step * at)))
        const near = 1e-9 * (Math.abs(start) + Math.abs(step) + 1)
        expect(trend?.slope).toBeCloseTo(step / 3_600, 6)
        expect(Math.abs((trend?.most ?? 0) - (trend?.least ?? 0))).toBeLessThan(near + 1e-6)
        expect(Math.abs((trend?.at(0) ?? 0) - start)).toBeLessThan(near * count * 3_600 + 1e-3)
      },
    ),
  )
})

test('a quarter of wild points does not change the direction', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 10, maxLength: 10 }),
      (wild) => {
        const values = Array.from({ length: 40 }, (_, at) => (at % 4 === 3 ? (wild[(at - 3) / 4] ?? 0) : at))
        expect(trendOf(points(values))?.slope).toBeGreaterThan(0)
      },
    ),
  )
})

test('noise without growth leaves zero within the interval, in nineteen cases of twenty', () => {
  // A fixed sequence that looks like chance: the same in every run.
  let state = 1
  const chance = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  let contained = 0
  for (let run = 0; run < 400; run += 1) {
    const trend = trendOf(points(Array.from({ length: 30 }, chance)))
    if (trend && trend.least <= 0 && trend.most >= 0) contained += 1
  }
  expect(contained).toBeGreaterThanOrEqual(370)
})

test('of five points nothing can be said', () => {
  expect(trendOf(points([1, 2, 3, 4, 5]))).toBeUndefined()
})
