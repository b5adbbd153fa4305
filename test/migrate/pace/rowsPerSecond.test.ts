import fc from 'fast-check'
import { expect, test } from 'vitest'
import { largestForRate, pauseForRate } from '../../../src/migrate/pace/rowsPerSecond.ts'

test('batch and pause together take as long as the rate wants, or longer', () => {
  const batch = fc.record({
    rows: fc.integer({ min: 0, max: 50_000 }),
    ms: fc.double({ min: 0, max: 1e6, noNaN: true }),
  })
  fc.assert(
    fc.property(batch, fc.integer({ min: 1, max: 1_000_000 }), ({ rows, ms }, max) => {
      const tookMs = ms + pauseForRate({ rows, ms }, max)
      expect(tookMs).toBeGreaterThanOrEqual((rows / max) * 1_000 - 0.001)
    }),
  )
})

test('a batch that took longer than the rate wants is followed by no pause', () => {
  expect(pauseForRate({ rows: 100, ms: 200 }, 1_000)).toBe(0)
})

test('without a rate there is no pause and no largest batch', () => {
  expect(pauseForRate({ rows: 50_000, ms: 1 }, undefined)).toBe(0)
  expect(largestForRate(undefined)).toBe(Infinity)
})

test('a batch has at most a quarter of a second of rows, and at least one', () => {
  expect(largestForRate(1_000)).toBe(250)
  expect(largestForRate(1)).toBe(1)
})
