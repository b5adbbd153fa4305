import { expect, test } from 'vitest'
import { Progress } from '../../../src/migrate/pace/progress.ts'

test('the time that is left follows from the rate', () => {
  const progress = new Progress(1_000, { rows: 0, atMs: 0 })
  expect(progress.at({ rows: 0, atMs: 0 })).toEqual({ rowsPerSecond: 0 })
  expect(progress.at({ rows: 100, atMs: 1_000 })).toEqual({ rowsPerSecond: 100, leftMs: 9_000 })
})

test('rows that an earlier run has done do not count for the rate', () => {
  const progress = new Progress(1_000, { rows: 900, atMs: 5_000 })
  expect(progress.at({ rows: 950, atMs: 6_000 })).toEqual({ rowsPerSecond: 50, leftMs: 1_000 })
})

test('a rate that has changed shows after ten seconds', () => {
  const progress = new Progress(100_000, { rows: 0, atMs: 0 })
  for (let second = 1; second <= 20; second += 1) progress.at({ rows: second * 1_000, atMs: second * 1_000 })
  for (let second = 21; second <= 30; second += 1) {
    progress.at({ rows: 20_000 + (second - 20) * 100, atMs: second * 1_000 })
  }
  expect(progress.at({ rows: 21_000, atMs: 30_000 })).toEqual({ rowsPerSecond: 100, leftMs: 790_000 })
})

test('with more rows than estimated nothing is said about the time', () => {
  const progress = new Progress(100, { rows: 0, atMs: 0 })
  expect(progress.at({ rows: 150, atMs: 1_000 })).toEqual({ rowsPerSecond: 150 })
})
