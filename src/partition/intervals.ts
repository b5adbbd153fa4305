import { UsageError } from '../errors.ts'

/** How long a partition is. */
export type Every = 'day' | 'week' | 'month' | 'year'

export const everies: Every[] = ['day', 'week', 'month', 'year']

/** The types of keys that can be cut into intervals, as `format_type` prints them. */
const keyTypes = ['date', 'timestamp without time zone', 'timestamp with time zone'] as const
export type KeyType = (typeof keyTypes)[number]

export function isKeyType(type: string): type is KeyType {
  return (keyTypes as readonly string[]).includes(type.replace(/\(\d\)/, ''))
}

/** The interval that holds a moment begins here; weeks begin on Monday, everything in UTC. */
export function beginOf(every: Every, moment: Date): Date {
  const [year, month, day] = [moment.getUTCFullYear(), moment.getUTCMonth(), moment.getUTCDate()]
  switch (every) {
    case 'day':
      return utc(year, month, day)
    case 'week':
      return utc(year, month, day - ((moment.getUTCDay() + 6) % 7))
    case 'month':
      return utc(year, month, 1)
    case 'year':
      return utc(year, 0, 1)
  }
}

/** `beginOf('month', ...)`, and so many intervals later. */
export function later(every: Every, begin: Date, count: number): Date {
  const [year, month, day] = [begin.getUTCFullYear(), begin.getUTCMonth(), begin.getUTCDate()]
  switch (every) {
    case 'day':
      return utc(year, month, day + count)
    case 'week':
      return utc(year, month, day + 7 * count)
    case 'month':
      return utc(year, month + count, 1)
    case 'year':
      return utc(year + count, 0, 1)
  }
}

/** The day in UTC: `2026-12-05`. */
export function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10)
}

/** The end of a partition's name: `2026_12_05` for days and weeks, `2026_12`, `2026`. */
export function suffixOf(every: Every, begin: Date): string {
  const [year = '', month = '', day = ''] = dayOf(begin).split('-')
  if (every === 'year') return year
  return every === 'month' ? `${year}_${month}` : `${year}_${month}_${day}`
}

/** A bound as a literal of the key's type: `'2026-12-01'`, or with the time, and the zone where the type has one. */
export function literalOf(type: KeyType, moment: Date): string {
  const day = dayOf(moment)
  if (type === 'date') return `'${day}'`
  return type.includes('without') ? `'${day} 00:00:00'` : `'${day} 00:00:00+00'`
}

/**
 * The first bound beyond every row, and beyond every row that may come until the table is partitioned: rows that lie in
 * the future now may lie as far again.
 *
 * @param last the highest key, if there are rows
 */
export function cutoffOf(every: Every, now: Date, last: Date | undefined): Date {
  const ahead = Math.max(0, (last?.getTime() ?? 0) - now.getTime())
  const horizon = new Date(Math.max(now.getTime(), last?.getTime() ?? 0) + ahead)
  return later(every, beginOf(every, horizon), 2)
}

/** A moment that a person wrote: `2027-01-01`. */
export function parseMoment(text: string): Date {
  const moment = new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)
  if (Number.isNaN(moment.getTime())) {
    throw new UsageError(`${text} is no date.`, 'Write a date such as 2027-01-01.')
  }
  return moment
}

/** A UTC date; `Date.UTC` would take the years 0 to 99 for 1900 to 1999. */
function utc(year: number, month: number, day: number): Date {
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  return date
}
