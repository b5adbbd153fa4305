import fc from 'fast-check'
import { expect, test } from 'vitest'
import { longestPauses, meanOfOthers, nextPauses } from '../../../src/migrate/pace/loadLatency.ts'

const none = { activeMs: 0, transactions: 0 }

test('the mean of the others is without what we did ourselves', () => {
  const before = { activeMs: 1_000, transactions: 500 }
  const after = { activeMs: 2_400, transactions: 1_110 }
  expect(meanOfOthers(before, after, { activeMs: 400, transactions: 10 })).toBeCloseTo(1_000 / 600)
})

test.each([
  ['too few transactions', { activeMs: 500, transactions: 19 }],
  ['nothing at all', none],
  ['counters that were reset meanwhile', { activeMs: -900, transactions: 100 }],
])('there is no mean with %s', (_, after) => {
  expect(meanOfOthers(none, after, none)).toBeUndefined()
})

/** The pauses after each look. */
function pausesAt(means: (number | undefined)[], baseline: number | undefined): number[] {
  let pauses = 0
  return means.map((mean) => (pauses = nextPauses(pauses, mean, baseline)))
}

test('the pauses double while the load suffers, and halve until there are none', () => {
  expect(pausesAt([1, 1.4, 1.6, 2, 3, 1, 1.5, 1], 1)).toEqual([0, 0, 0.5, 1, 2, 1, 0.5, 0])
})

test('they have a longest, so that batches go on', () => {
  expect(pausesAt(Array<number>(20).fill(9), 1).at(-1)).toBe(longestPauses)
})

test('with an idle database there are none', () => {
  expect(pausesAt(Array<undefined>(5).fill(undefined), undefined)).toEqual([0, 0, 0, 0, 0])
})

test('when the load ends, they end within a few looks, however long they are', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 50 }), (means) => {
      expect(pausesAt([...means, ...Array<undefined>(7).fill(undefined)], 1).at(-1)).toBe(0)
    }),
  )
})
