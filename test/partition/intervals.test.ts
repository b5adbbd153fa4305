import fc from 'fast-check'
import { expect, test } from 'vitest'
import { beginOf, cutoffOf, everies, later, literalOf, suffixOf } from '../../src/partition/intervals.ts'

const moments = fc.date({ min: new Date('1970-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
const anEvery = fc.constantFrom(...everies)

test('an interval begins at or before every moment in it, and the next one after', () => {
  fc.assert(
    fc.property(anEvery, moments, (every, moment) => {
      const begin = beginOf(every, moment)
      expect(begin.getTime()).toBeLessThanOrEqual(moment.getTime())
      expect(later(every, begin, 1).getTime()).toBeGreaterThan(moment.getTime())
      expect(beginOf(every, begin)).toEqual(begin)
    }),
  )
})

test('so many intervals later and back again is the same interval', () => {
  fc.assert(
    fc.property(anEvery, moments, fc.integer({ min: 0, max: 500 }), (every, moment, count) => {
      const begin = beginOf(every, moment)
      expect(later(every, later(every, begin, count), -count)).toEqual(begin)
    }),
  )
})

test('neighbours have different names', () => {
  fc.assert(
    fc.property(anEvery, moments, (every, moment) => {
      const begin = beginOf(every, moment)
      expect(suffixOf(every, begin)).not.toBe(suffixOf(every, later(every, begin, 1)))
    }),
  )
})

test('the cutoff lies beyond now, beyond the last row, and as far again where rows lie in the future', () => {
  fc.assert(
    fc.property(anEvery, moments, fc.option(moments, { nil: undefined }), (every, now, last) => {
      const cutoff = cutoffOf(every, now, last).getTime()
      const furthest = Math.max(now.getTime(), last?.getTime() ?? 0)
      const ahead = Math.max(0, (last?.getTime() ?? 0) - now.getTime())
      expect(cutoff).toBeGreaterThan(furthest + ahead)
      expect(beginOf(every, new Date(cutoff)).getTime()).toBe(cutoff)
    }),
  )
})

test('weeks begin on Monday', () => {
  expect(beginOf('week', new Date('2026-11-29T23:59:59Z'))).toEqual(new Date('2026-11-23T00:00:00Z'))
  expect(beginOf('week', new Date('2026-11-30T00:00:00Z'))).toEqual(new Date('2026-11-30T00:00:00Z'))
})

test.each([
  ['date', "'2026-12-01'"],
  ['timestamp without time zone', "'2026-12-01 00:00:00'"],
  ['timestamp with time zone', "'2026-12-01 00:00:00+00'"],
] as const)('a bound of a %s is %s', (type, literal) => {
  expect(literalOf(type, new Date('2026-12-01T00:00:00Z'))).toBe(literal)
})
