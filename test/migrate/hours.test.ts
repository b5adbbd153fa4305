import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Hours } from '../../src/migrate/hours.ts'
import { hoursText, isWithin, nextBegin, parseHours, untilHoursBegin } from '../../src/migrate/hours.ts'

const minuteMs = 60_000
const at = (text: string) => new Date(text)
const hours = (text: string): Hours => {
  const parsed = parseHours(text)
  if (!parsed) throw new Error(`no hours: ${text}`)
  return parsed
}

test.each(['02:00-04:00', '22:00-04:00', '00:00-00:01', '23:59-00:00', '00:01-00:00'])(
  '%s are hours',
  (text) => {
    expect(hoursText(hours(text))).toBe(text)
  },
)

test('24:00 is the end of a day', () => {
  expect(hours('22:00-24:00')).toEqual(hours('22:00-00:00'))
})

test.each([
  '25:00-04:00',
  '02:60-04:00',
  '02:00-04:61',
  '2-4',
  '2:00-4:00',
  '02:00',
  '02:00-02:00',
  '00:00-24:00',
  '24:00-02:00',
  '02:00-24:01',
  '-02:00-04:00',
  '02:00 bis 04:00',
  '',
])('%j are no hours', (text) => {
  expect(parseHours(text)).toBeUndefined()
})

test('the beginning is within the hours, the end is not', () => {
  const night = hours('22:00-04:00')
  const times = ['21:59', '22:00', '23:59', '00:00', '03:59', '04:00', '12:00']
  expect(times.filter((time) => isWithin(night, at(`2026-06-01T${time}:30Z`), 'UTC'))).toEqual([
    '22:00',
    '23:59',
    '00:00',
    '03:59',
  ])
})

describe('on a day on which the clock is changed', () => {
  test('hours that the day skips begin the day after', () => {
    // In Berlin, 29 March 2026 has no time between two and three.
    const begin = nextBegin(hours('02:00-03:00'), at('2026-03-28T12:00:00Z'), 'Europe/Berlin')
    expect(begin).toEqual(at('2026-03-30T00:00:00Z'))
  })

  test('hours of which the day skips the first half begin with the second', () => {
    const begin = nextBegin(hours('02:30-03:30'), at('2026-03-28T12:00:00Z'), 'Europe/Berlin')
    expect(begin).toEqual(at('2026-03-29T01:00:00Z'))
  })

  test('hours that the day has twice are hours both times', () => {
    const twice = hours('02:15-02:45')
    const within = ['00:30', '01:00', '01:30'].filter((time) =>
      isWithin(twice, at(`2026-10-25T${time}:00Z`), 'Europe/Berlin'),
    )
    expect(within).toEqual(['00:30', '01:30'])
  })
})

describe('in any zone, at any moment', () => {
  const minutes = fc.integer({ min: 0, max: 24 * 60 - 1 })
  const anyHours = fc.record({ begin: minutes, end: minutes }).filter(({ begin, end }) => begin !== end)
  const anyMoment = fc
    .date({ min: at('2020-01-01'), max: at('2035-01-01'), noInvalidDate: true })
    .map((moment) => new Date(Math.floor(moment.getTime() / 1_000) * 1_000))
  // Lord Howe Island changes its clock by half an hour; Kathmandu is 5 h 45 min ahead.
  const anyZone = fc.constantFrom(
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
  )

  test('hours begin at the first minute that is within them', () => {
    fc.assert(
      fc.property(
        anyHours,
        anyMoment,
        anyZone,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (daily, moment, zone, share) => {
          const begin = nextBegin(daily, moment, zone)
          expect(isWithin(daily, begin, zone)).toBe(true)
          if (begin.getTime() === moment.getTime()) return
          expect(begin.getTime() % minuteMs).toBe(0)
          const between = new Date(
            moment.getTime() + Math.floor((begin.getTime() - 1 - moment.getTime()) * share),
          )
          expect(isWithin(daily, between, zone)).toBe(false)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('it is either within the hours or within the rest of the day', () => {
    fc.assert(
      fc.property(anyHours, anyMoment, anyZone, ({ begin, end }, moment, zone) => {
        expect(isWithin({ begin, end }, moment, zone)).toBe(
          !isWithin({ begin: end, end: begin }, moment, zone),
        )
      }),
    )
  })

  test('what is printed is read back', () => {
    fc.assert(
      fc.property(anyHours, (daily) => {
        expect(parseHours(hoursText(daily))).toEqual(daily)
      }),
    )
  })
})

test('it says until when it waits, and goes on when the clock shows it', async () => {
  const times = [at('2026-06-01T01:59:59.990Z'), at('2026-06-01T02:00:00Z')]
  const waited: string[] = []
  await untilHoursBegin(hours('02:00-04:00'), {
    clock: { now: () => times.shift() ?? at('2026-06-01T02:00:01Z'), timeZone: 'UTC' },
    onWait: (begin, remainingMs) => waited.push(`${begin.toISOString()} ${remainingMs}`),
  })
  expect(waited).toEqual(['2026-06-01T02:00:00.000Z 10'])
})

test('a signal ends the wait', async () => {
  const interruption = new AbortController()
  const waiting = untilHoursBegin(hours('02:00-04:00'), {
    clock: { now: () => at('2026-06-01T12:00:00Z'), timeZone: 'UTC' },
    signal: interruption.signal,
    onWait: () => interruption.abort(),
  })
  await expect(waiting).rejects.toThrow('aborted')
})
