import { describe, expect, test } from 'vitest'
import { layoutsOf } from '../../src/partition/layouts.ts'

const keys = { first: '2026-01-20', last: '2026-03-15', now: '2026-02-10T12:00:00Z' }

describe('the layouts of a table', () => {
  test('are history up to a cutoff, and each interval for itself', () => {
    const [swapped, each] = layoutsOf(keys, 'month')
    expect(swapped?.partitions.map(({ from, to }) => [from, to])).toEqual([
      [null, '2026-04-01'],
      ['2026-04-01', '2026-05-01'],
      ['2026-05-01', '2026-06-01'],
      ['2026-06-01', '2026-07-01'],
    ])
    expect(each?.partitions.slice(0, 3).map(({ from, to }) => [from, to])).toEqual([
      ['2026-01-01', '2026-02-01'],
      ['2026-02-01', '2026-03-01'],
      ['2026-03-01', '2026-04-01'],
    ])
  })

  test('begin in the future where the last key is of the past', () => {
    const [swapped] = layoutsOf({ ...keys, now: '2026-11-30T00:00:00Z' }, 'month')
    expect(swapped?.partitions[0]?.to).toBe('2026-12-01')
  })

  test.each([
    ['day', '2026-01-20', '2026-01-21'],
    ['week', '2026-01-19', '2026-01-26'],
    ['month', '2026-01-01', '2026-02-01'],
    ['year', '2026-01-01', '2027-01-01'],
  ] as const)('by %s begin with %s to %s', (every, from, to) => {
    expect(layoutsOf(keys, every)[1]?.partitions[0]).toEqual({ name: from, from, to })
  })

  test('touch each other and do not overlap', () => {
    for (const every of ['day', 'week', 'month', 'year'] as const) {
      for (const { partitions } of layoutsOf(keys, every)) {
        for (const [at, { to }] of partitions.slice(0, -1).entries())
          expect(partitions[at + 1]?.from).toBe(to)
      }
    }
  })
})
