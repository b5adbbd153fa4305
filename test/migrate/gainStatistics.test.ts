import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CountersReading, StatementCounters } from '../../src/catalog/statementCounters.ts'
import { breakBetween, countsOnlySince, intervalBetween } from '../../src/migrate/gain/interval.ts'
import type { Compared } from '../../src/migrate/gain/judge.ts'
import { judgeAll } from '../../src/migrate/gain/judge.ts'
import { holm, studentTail, welchTest } from '../../src/migrate/gain/welch.ts'

describe("Welch's test", () => {
  // Critical values of Student's t from the tables of any textbook: two-sided 5 % and 1 %.
  test.each([
    [12.706, 1, 0.05],
    [2.228, 10, 0.05],
    [3.169, 10, 0.01],
    [2.042, 30, 0.05],
    [2.576, 1e6, 0.01],
  ])('t = %d with %d degrees of freedom', (t, freedom, p) => {
    expect(studentTail(t, freedom)).toBeCloseTo(p, 4)
    expect(studentTail(-t, freedom)).toBeCloseTo(p, 4)
  })

  test('two samples: the example of the R manual, t.test(extra ~ group, data = sleep)', () => {
    const one = { calls: 10, mean: 0.75, variance: 3.200556 }
    const other = { calls: 10, mean: 2.33, variance: 4.009 }
    expect(welchTest(one, other)).toBeCloseTo(0.07939, 4)
  })

  test('constant samples differ surely, or not at all', () => {
    const constant = { calls: 50, mean: 1, variance: 0 }
    expect(welchTest(constant, constant)).toBe(1)
    expect(welchTest(constant, { ...constant, mean: 2 })).toBe(0)
  })

  test("Holm's correction: R's p.adjust(c(0.01, 0.04, 0.03), 'holm')", () => {
    expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06])
    expect(holm([])).toEqual([])
  })
})

describe('the interval between two readings', () => {
  const counters = (times: number[]): StatementCounters => {
    const totalMs = times.reduce((sum, each) => sum + each, 0)
    const mean = totalMs / Math.max(1, times.length)
    const squares = times.reduce((sum, each) => sum + (each - mean) ** 2, 0)
    const deviationMs = Math.sqrt(squares / Math.max(1, times.length))
    return { calls: times.length, totalMs, deviationMs, blocks: 3 * times.length, since: 1 }
  }

  test('has the mean and variance of exactly the calls in it', () => {
    const times = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 2, maxLength: 60 })
    fc.assert(
      fc.property(times, times, (first, rest) => {
        const interval = intervalBetween(counters(first), counters([...first, ...rest]))
        const { totalMs, deviationMs } = counters(rest)
        expect(interval).toMatchObject({ calls: rest.length, blocksPerCall: 3 })
        if ('reason' in interval) return
        expect(interval.mean).toBeCloseTo(totalMs / rest.length, 8)
        const variance = (deviationMs ** 2 * rest.length) / (rest.length - 1)
        expect(Math.abs(interval.variance - variance)).toBeLessThan(1e-6 * (1 + variance))
      }),
    )
  })

  const reading = (statement?: Partial<StatementCounters>, more: Partial<CountersReading> = {}) => ({
    takenAt: new Date(),
    resetAt: new Date(0),
    evictions: 0,
    isComplete: true,
    hidden: 0,
    statements: new Map(
      statement ? [['a', { calls: 5, totalMs: 5, deviationMs: 0, blocks: 5, since: 1, ...statement }]] : [],
    ),
    ...more,
  })

  test('is broken by whatever makes counters begin anew, and only by that', () => {
    const first = reading({})
    const later = { calls: 9, totalMs: 9 }
    expect(breakBetween(first, reading(later), 'a')).toBeUndefined()
    expect(breakBetween(first, reading(later, { resetAt: new Date(1) }), 'a')).toContain('was reset at 1970')
    expect(breakBetween(first, reading({ calls: 4 }), 'a')).toContain('dropped its entry')
    expect(breakBetween(first, reading({ ...later, since: 2 }), 'a')).toContain('dropped its entry')
    expect(breakBetween(first, reading(), 'a')).toContain('dropped its entry')
    // Since PostgreSQL 17 an entry says since when it counts, so evictions of others do not matter.
    expect(breakBetween(first, reading(later, { evictions: 1 }), 'a')).toBeUndefined()
    const old = { since: null }
    expect(breakBetween(reading(old), reading({ ...later, ...old }, { evictions: 1 }), 'a')).toContain(
      'before PostgreSQL 17',
    )
    // A statement that came later counts from nothing, unless the reading did not have room for it.
    expect(breakBetween(reading(), reading(later), 'a')).toBeUndefined()
    expect(breakBetween(reading(undefined, { isComplete: false }), reading(later), 'a')).toContain('keeps')
    expect(countsOnlySince(first, reading(later), 'a')).toBe(false)
    expect(countsOnlySince(first, reading({ calls: 4 }), 'a')).toBe(true)
  })
})

describe('the verdict on a statement', () => {
  const compared = (before: [number, number], after: [number, number], more: Partial<Compared> = {}) => ({
    before: { calls: 100, mean: before[0], variance: before[0] ** 2 / 4, blocksPerCall: before[1] },
    after: { calls: 100, mean: after[0], variance: after[0] ** 2 / 4, blocksPerCall: after[1] },
    machine: 1,
    controls: [0.9, 0.95, 1, 1.05, 1.1],
    growth: 1,
    ...more,
  })
  const verdict = (...args: Parameters<typeof compared>) => judgeAll([compared(...args)])[0]?.verdict

  test('needs time, significance and a witness', () => {
    expect(verdict([1, 100], [0.1, 4])).toBe('gained')
    expect(verdict([0.1, 4], [1, 100])).toBe('lost')
    expect(verdict([1, 100], [1.1, 200])).toBe('same')
    // A slower machine makes every statement slower, and touches no more blocks.
    expect(verdict([1, 100], [2, 100], { machine: 2, controls: [2, 2, 2, 2, 2] })).toBe('same')
    expect(verdict([1, 100], [1.4, 100])).toBe('unknown')
    // A policy that calls a function once instead of for each row touches the same blocks.
    expect(verdict([1, 100], [0.1, 100])).toBe('gained')
    expect(verdict([1, 100], [0.1, 100], { controls: [1] })).toBe('unknown')
  })

  test('a table that grew makes its statements slower by itself', () => {
    expect(verdict([1, 100], [2, 200], { growth: 2 })).toBe('same')
    expect(verdict([1, 100], [2, 200])).toBe('lost')
  })

  test('that it may be lost is said while there are too few calls', () => {
    const noisy = { calls: 30, mean: 1, variance: 50, blocksPerCall: 5 }
    const [judged] = judgeAll([
      { ...compared([1, 5], [1, 5]), before: noisy, after: { ...noisy, mean: 3, blocksPerCall: 50 } },
    ])
    expect(judged).toMatchObject({ verdict: 'unknown', mayBeLost: true })
  })

  test('a pause before the migration does not hide that it may be lost', () => {
    const paused = { calls: 250, mean: 2.4, variance: 1_400, blocksPerCall: 5 }
    const [judged] = judgeAll([
      {
        ...compared([1, 5], [1, 5]),
        before: paused,
        after: { ...paused, mean: 0.2, variance: 0.01, blocksPerCall: 50 },
      },
    ])
    expect(judged).toMatchObject({ verdict: 'unknown', mayBeLost: true })
  })
})
