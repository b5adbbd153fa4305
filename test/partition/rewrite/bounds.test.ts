import { expect, test } from 'vitest'
import {
  hashBounds,
  listBounds,
  mostPartitions,
  partitionBounds,
} from '../../../src/partition/rewrite/bounds.ts'
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

const suffixes = (bounds: { suffix: string }[]): string[] => bounds.map(({ suffix }) => suffix)

test('a list has a partition for each value, named after it, and one for the rest', () => {
  expect(listBounds(['it\'s 10" wide', 'it\'s 9" wide', 'ÜBER', '!'])).toEqual([
    { suffix: 'other', bound: `FOR VALUES IN ('!')` },
    { suffix: 'it_s_9_wide', bound: `FOR VALUES IN ('it''s 9" wide')` },
    { suffix: 'it_s_10_wide', bound: `FOR VALUES IN ('it''s 10" wide')` },
    { suffix: 'über', bound: `FOR VALUES IN ('ÜBER')` },
    { suffix: 'default', bound: 'DEFAULT' },
  ])
})

test('a name holds a uuid whole, and no more of a longer value', () => {
  const uuid = '0b0e4a4e-6b1c-4a55-9d0c-2f6b6d6f3f11'
  expect(suffixes(listBounds([uuid, 'é'.repeat(30)]))).toEqual([
    uuid.replaceAll('-', '_'),
    'é'.repeat(18),
    'default',
  ])
})

test('a hash has a partition for each remainder, in order by name, and none for a rest', () => {
  const bounds = hashBounds(12)
  expect(suffixes(bounds)).toEqual([...suffixes(bounds)].sort())
  expect(bounds).toHaveLength(12)
  expect(bounds[3]).toEqual({ suffix: 'part_03', bound: 'FOR VALUES WITH (MODULUS 12, REMAINDER 3)' })
})
