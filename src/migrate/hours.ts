import { setTimeout as sleep } from 'node:timers/promises'
import { HoursEnded } from './failures.ts'

/** Hours of every day, as minutes since midnight. They go over midnight if they end before they begin. */
export interface Hours {
  begin: number
  end: number
}

/** The clock by which hours are kept: by default the machine's, in its time zone. */
export interface Clock {
  now?: () => Date
  timeZone?: string
}

const minuteMs = 60_000
const minutesPerDay = 24 * 60

/**
 * `02:00-04:00`, `22:00-04:00`; 24:00 may be the end.
 *
 * @returns undefined if the text is no such thing, or if the hours would be empty
 */
export function parseHours(text: string): Hours | undefined {
  const match = /^(\d{2}):(\d{2})-(\d{2}):(\d{2})$/.exec(text.trim())
  if (!match) return undefined
  const [beginHour, beginMinute, endHour, endMinute] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
  ]
  const begin = beginHour * 60 + beginMinute
  const end = endHour * 60 + endMinute
  const isTime = beginMinute < 60 && endMinute < 60 && begin < minutesPerDay && end <= minutesPerDay
  return isTime && begin !== end % minutesPerDay ? { begin, end: end % minutesPerDay } : undefined
}

/** `02:00-04:00` */
export function hoursText({ begin, end }: Hours): string {
  return `${timeText(begin)}-${timeText(end)}`
}

/** Whether the clock shows a time within the hours; their end is not within. */
export function isWithin({ begin, end }: Hours, moment: Date, timeZone?: string): boolean {
  const minute = minuteOfDay(moment, timeZone)
  return begin < end ? minute >= begin && minute < end : minute >= begin || minute < end
}

/**
 * When the hours begin next; `moment` itself if it is within. It looks minute by minute at what the clock will show, so
 * that a day on which the clock is changed needs no rule of its own: hours that such a day skips begin the day after.
 */
export function nextBegin(hours: Hours, moment: Date, timeZone?: string): Date {
  if (isWithin(hours, moment, timeZone)) return moment
  const minute = Math.floor(moment.getTime() / minuteMs)
  // No zone changes its clock on two days in a row.
  for (let later = 1; later <= 3 * minutesPerDay; later += 1) {
    const then = new Date((minute + later) * minuteMs)
    if (isWithin(hours, then, timeZone)) return then
  }
  throw new Error(`the hours ${hoursText(hours)} never begin`)
}

/** @throws HoursEnded if there are hours for the run, and it is not within them now */
export function refuseAfterHours({ hours, clock = {} }: { hours?: Hours; clock?: Clock }): void {
  if (hours && !isWithin(hours, (clock.now ?? (() => new Date()))(), clock.timeZone)) {
    throw new HoursEnded(hoursText(hours))
  }
}

/** Resolves once the hours have begun. The clock is read again every minute: a machine may sleep, or its clock be set. */
export async function untilHoursBegin(
  hours: Hours,
  options: { signal?: AbortSignal; onWait?: (begin: Date, remainingMs: number) => void; clock?: Clock } = {},
): Promise<void> {
  const { signal, onWait, clock: { now = () => new Date(), timeZone } = {} } = options
  for (;;) {
    const moment = now()
    const begin = nextBegin(hours, moment, timeZone)
    const remainingMs = begin.getTime() - moment.getTime()
    if (remainingMs <= 0) return
    onWait?.(begin, remainingMs)
    await sleep(Math.min(remainingMs, minuteMs), undefined, signal ? { signal } : {})
  }
}

const formats = new Map<string | undefined, Intl.DateTimeFormat>()

function minuteOfDay(moment: Date, timeZone: string | undefined): number {
  if (timeZone === undefined) return moment.getHours() * 60 + moment.getMinutes()
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
    formats.set(timeZone, format)
  }
  const [hour = 0, minute = 0] = format.format(moment).split(':').map(Number)
  return hour * 60 + minute
}

function timeText(minute: number): string {
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
}
