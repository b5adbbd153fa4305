import { expect, test } from 'vitest'
import { findBehind } from '../../../src/migrate/pace/replicaLag.ts'

const mb = 1_024 * 1_024
const name = 'replica'

test.each([
  ['as good as caught up', { bytes: 4_096, ms: 3 }, false],
  ['65 MB behind', { bytes: 65 * mb, ms: null }, true],
  ['1.1 s behind', { bytes: 2 * mb, ms: 1_100 }, true],
  ['0.9 s behind', { bytes: 2 * mb, ms: 900 }, false],
  ['caught up, and the time is an old one', { bytes: 0, ms: 60_000 }, false],
])('a replica that is %s', (_, lag, isBehind) => {
  expect(findBehind([{ name, ...lag }], 1_000, false) !== undefined).toBe(isBehind)
})

test.each([
  ['33 MB behind', { bytes: 33 * mb, ms: null }, true],
  ['31 MB behind', { bytes: 31 * mb, ms: null }, false],
  ['0.6 s behind', { bytes: 2 * mb, ms: 600 }, true],
  ['0.4 s behind', { bytes: 2 * mb, ms: 400 }, false],
])('a wait ends at half of the bound: %s', (_, lag, isBehind) => {
  expect(findBehind([{ name, ...lag }], 1_000, true) !== undefined).toBe(isBehind)
})

test('one of several is enough, and it is named', () => {
  const behind = { name: 'second', bytes: 70 * mb, ms: 10 }
  expect(findBehind([{ name: 'first', bytes: 0, ms: 0 }, behind], 1_000, false)).toBe(behind)
  expect(findBehind([], 1_000, false)).toBeUndefined()
})
