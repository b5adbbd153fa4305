import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BatchTime } from '../../../src/migrate/pace/batchSize.ts'
import { firstBatchSize, nextBatchSize } from '../../../src/migrate/pace/batchSize.ts'

/** The size that batches come to, where one takes so long. */
function settle(timeOf: (rows: number) => number): number {
  let rows = firstBatchSize
  let before: BatchTime | undefined
  for (let batch = 0; batch < 60; batch += 1) {
    const last = { rows, ms: timeOf(rows) }
    rows = nextBatchSize(last, before)
    if (rows !== last.rows) before = last
  }
  return rows
}

test.each([
  ['0.01 ms a row', (rows: number) => rows * 0.01, 5_000],
  ['1 ms a row', (rows: number) => rows, 50],
  ['2 ms for the transaction and 0.1 ms a row', (rows: number) => 2 + rows * 0.1, 480],
])('with %s a batch takes 50 ms', (_, timeOf, rows) => {
  expect(settle(timeOf)).toBeCloseTo(rows, -1)
})

test('a batch never has fewer than 10 rows or more than 50,000', () => {
  expect(settle((rows) => rows * 30)).toBe(10)
  expect(settle(() => 1)).toBe(50_000)
})

test('where most of the time does not depend on the rows, batches do not shrink until nothing gets done', () => {
  const scansAnotherTable = (rows: number) => 300 + rows * 0.1
  const rows = settle(scansAnotherTable)
  // With the 10 rows that a batch may shrink to, a row would take 30 ms.
  expect(scansAnotherTable(rows) / rows).toBeLessThan(1)
})

test('whatever the times, the size at most doubles or halves', () => {
  const time = fc.record({
    rows: fc.integer({ min: 10, max: 50_000 }),
    ms: fc.double({ min: 0.01, max: 1e7, noNaN: true }),
  })
  fc.assert(
    fc.property(time, fc.option(time, { nil: undefined }), (last, before) => {
      const next = nextBatchSize(last, before)
      expect(next).toBeGreaterThanOrEqual(Math.max(10, Math.floor(last.rows / 2)))
      expect(next).toBeLessThanOrEqual(Math.min(50_000, last.rows * 2))
    }),
  )
})
