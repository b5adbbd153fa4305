import { expect, test } from 'vitest'
import { mostPartitions, partitionBounds } from '../../../src/partition/rewrite/bounds.ts'
import { dayOf } from '../../../src/partition/intervals.ts'

const day = (text: string): Date => new Date(`${text}T00:00:00Z`)
const edges = (bounds: { from: Date; to: Date }[]): string[] => [
  ...bounds.map(({ from }) => dayOf(from)),
  ...bounds.slice(-1).map(({ to }) => dayOf(to)),
]

test('partitions follow one another from the first row to so many intervals beyond now', () => {
  const bounds = partitionBounds('month', {
    ...{ first: day('2026-09-14'), last: day('2026-10-02'), now: day('2026-11-30'), ahead: 2 },
  })
  expect(edges(bounds)).toEqual([
    '2026-09-01',
    '2026-10-01',
    '2026-11-01',
    '2026-12-01',
    '2027-01-01',
    '2027-02-01',
  ])
})

test('or beyond the last row, where that lies in the future', () => {
  const bounds = partitionBounds('year', {
    ...{ first: day('2026-01-01'), last: day('2028-05-05'), now: day('2026-11-30'), ahead: 1 },
  })
  expect(edges(bounds)).toEqual(['2026-01-01', '2027-01-01', '2028-01-01', '2029-01-01', '2030-01-01'])
})

test('a table without rows begins now', () => {
  const bounds = partitionBounds('week', {
    ...{ first: undefined, last: undefined, now: day('2026-11-30'), ahead: 1 },
  })
  expect(edges(bounds)).toEqual(['2026-11-30', '2026-12-07', '2026-12-14'])
})

test('it stops counting where there are too many', () => {
  const bounds = partitionBounds('day', {
    ...{ first: day('1970-01-01'), last: day('2026-01-01'), now: day('2026-11-30'), ahead: 1 },
  })
  expect(bounds).toHaveLength(mostPartitions + 1)
})
