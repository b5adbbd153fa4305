import fc from 'fast-check'
import { expect, test } from 'vitest'
import { poolSize } from '../../../src/operate/connections/poolSize.ts'

test('the size follows from what was measured, with room for bursts', () => {
  // 400 transactions a second of 10 ms keep four connections busy.
  const pool = poolSize({ busyMs: 40_000, transactions: 4_000, elapsedMs: 10_000 }, undefined)
  expect(pool).toEqual({
    size: 10,
    busy: 4,
    transactionsPerSecond: 400,
    serviceMs: 10,
    isLimitedByCores: false,
  })
})

test('more connections than the cores serve are not advised', () => {
  const pool = poolSize({ busyMs: 400_000, transactions: 4_000, elapsedMs: 10_000 }, 4)
  expect(pool).toMatchObject({ size: 9, busy: 40, isLimitedByCores: true })
})

test('an idle database wants one', () => {
  expect(poolSize({ busyMs: 0, transactions: 0, elapsedMs: 2_000 }, 8)).toMatchObject({
    size: 1,
    serviceMs: 0,
  })
})

test('a pool has at least one connection, and no more than twice the cores and one', () => {
  fc.assert(
    fc.property(
      fc.nat(10_000_000),
      fc.nat(100_000),
      fc.integer({ min: 1, max: 64 }),
      (busyMs, transactions, cores) => {
        const { size } = poolSize({ busyMs, transactions, elapsedMs: 1_000 }, cores)
        expect(size).toBeGreaterThanOrEqual(1)
        expect(size).toBeLessThanOrEqual(2 * cores + 1)
      },
    ),
  )
})
