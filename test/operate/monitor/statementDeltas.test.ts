import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CountersReading, StatementCounters } from '../../../src/catalog/statementCounters.ts'
import { deltasBetween, pool } from '../../../src/operate/monitor/statementDeltas.ts'

test('mean and deviation of the calls between two rounds are those of the calls themselves', () => {
  const times = fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { maxLength: 20 })
  fc.assert(
    fc.property(times, times, times, (before, first, second) => {
      fc.pre(first.length + second.length > 0)
      const from = readingOf(0, { a: before })
      const to = readingOf(10, { a: [...before, ...first], b: second })
      const deltas = deltasBetween(from, to, ['a', 'b'])
      if (typeof deltas === 'string') throw new Error(deltas)
      const all = [...first, ...second]
      const pooled = pool(deltas.intervals.values())
      expect(pooled?.calls).toBe(all.length)
      expect(pooled?.meanMs).toBeCloseTo(mean(all), 6)
      expect(pooled?.deviationMs).toBeCloseTo(deviation(all), 3)
      expect(deltas.seconds).toBe(10)
    }),
  )
})

test('after a reset nothing is subtracted', () => {
  const from = readingOf(0, { a: [1, 2, 3] })
  const to = { ...readingOf(10, { a: [1] }), resetAt: new Date(5_000) }
  expect(deltasBetween(from, to, ['a'])).toContain('was reset since the round before')
})

test('a statement whose entry was dropped and made again counts as unknown', () => {
  const deltas = deltasBetween(readingOf(0, { a: [1, 2, 3], b: [1] }), readingOf(10, { a: [5], b: [1, 1] }), [
    'a',
    'b',
  ])
  if (typeof deltas === 'string') throw new Error(deltas)
  expect([...deltas.intervals.keys()]).toEqual(['b'])
})

test('without an earlier round there is nothing to subtract', () => {
  expect(deltasBetween(undefined, readingOf(0, { a: [1] }), ['a'])).toBe('this is the first round')
})

function readingOf(seconds: number, calls: Record<string, number[]>): CountersReading {
  return {
    ...{
      takenAt: new Date(seconds * 1_000),
      resetAt: new Date(0),
      evictions: 0,
      isComplete: true,
      hidden: 0,
    },
    statements: new Map(
      Object.entries(calls)
        .filter(([, times]) => times.length > 0)
        .map(([key, times]): [string, StatementCounters] => [
          key,
          {
            ...{ calls: times.length, totalMs: times.reduce((sum, time) => sum + time, 0) },
            ...{ deviationMs: deviation(times), blocks: times.length, since: null },
          },
        ]),
    ),
  }
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Of the whole population, as the extension has it. */
function deviation(values: number[]): number {
  return Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)))
}
