import { expect, test } from 'vitest'
import { parseHours } from '../../../../src/migrate/hours.ts'
import type { Silence } from '../../../../src/operate/alerts/file/schema.ts'
import { isSilenced } from '../../../../src/operate/alerts/judge/silence.ts'

function silent(silence: Partial<Silence>, moment: string, alert = 'connections'): boolean {
  return isSilenced([{ reason: 'work', timezone: 'UTC', ...silence }], alert, new Date(moment))
}
const hours = (text: string) => ({ hours: parseHours(text) as NonNullable<ReturnType<typeof parseHours>> })

test('hours are of UTC, or of the time zone that is named, in summer and in winter', () => {
  expect(silent(hours('02:00-04:00'), '2027-01-01T02:00:00Z')).toBe(true)
  expect(silent(hours('02:00-04:00'), '2027-01-01T04:00:00Z')).toBe(false)
  const rome = { ...hours('02:00-04:00'), timezone: 'Europe/Rome' }
  expect(silent(rome, '2027-01-01T01:30:00Z')).toBe(true)
  expect(silent(rome, '2027-07-01T01:30:00Z')).toBe(true)
  expect(silent(rome, '2027-07-01T00:30:00Z')).toBe(true)
  expect(silent(rome, '2027-01-01T00:30:00Z')).toBe(false)
})

test('a night belongs to the day on which it begins', () => {
  const fridayNight: Partial<Silence> = { ...hours('22:00-04:00'), days: ['fri'] }
  expect(silent(fridayNight, '2027-01-01T23:00:00Z')).toBe(true) // a Friday
  expect(silent(fridayNight, '2027-01-02T03:59:00Z')).toBe(true)
  expect(silent(fridayNight, '2027-01-02T23:00:00Z')).toBe(false)
  expect(silent(fridayNight, '2027-01-01T03:00:00Z')).toBe(false)
})

test('days are of the time zone, and the last date is included', () => {
  expect(silent({ days: ['sat'], timezone: 'Asia/Tokyo' }, '2027-01-01T16:00:00Z')).toBe(true)
  expect(silent({ days: ['sat'] }, '2027-01-01T16:00:00Z')).toBe(false)
  const christmas = { from: '2027-12-24', to: '2027-12-26' }
  expect(silent(christmas, '2027-12-23T23:59:59Z')).toBe(false)
  expect(silent(christmas, '2027-12-24T00:00:00Z')).toBe(true)
  expect(silent(christmas, '2027-12-26T23:59:59Z')).toBe(true)
  expect(silent(christmas, '2027-12-27T00:00:00Z')).toBe(false)
  expect(silent({ from: '2027-12-24T18:00' }, '2027-12-24T17:59:00Z')).toBe(false)
  expect(silent({ from: '2027-12-24T18:00' }, '2028-01-01T00:00:00Z')).toBe(true)
})

test('a silence may be about some alerts only', () => {
  const silence = { ...hours('00:00-23:00'), alerts: ['cache'] }
  expect(silent(silence, '2027-01-01T12:00:00Z', 'cache')).toBe(true)
  expect(silent(silence, '2027-01-01T12:00:00Z', 'connections')).toBe(false)
})
