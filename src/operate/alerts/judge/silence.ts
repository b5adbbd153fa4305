import { isWithin } from '../../../migrate/hours.ts'
import type { Silence } from '../file/schema.ts'

const dayMs = 86_400_000

/** Whether nothing of the alert is to be delivered at the moment: some silence that is about it holds. */
export function isSilenced(silences: readonly Silence[], alert: string, moment: Date): boolean {
  return silences.some((silence) => (silence.alerts?.includes(alert) ?? true) && holds(silence, moment))
}

/** Everything that a silence names has to be the case at once. */
function holds({ hours, days, from, to, timezone }: Silence, moment: Date): boolean {
  const local = localTime(moment, timezone)
  if (hours && !isWithin(hours, moment, timezone)) return false
  // The small hours of a night belong to the day on which it began.
  const isAfterMidnight = hours !== undefined && hours.begin > hours.end && local.minute < hours.end
  const weekday = isAfterMidnight
    ? localTime(new Date(moment.getTime() - dayMs), timezone).weekday
    : local.weekday
  if (days && !days.some((day) => day === weekday)) return false
  if (from !== undefined && local.text < from) return false
  // A day ends with its last minute: 2027-12-24T23:59 begins with 2027-12-24.
  return to === undefined || local.text.slice(0, to.length) <= to
}

interface LocalTime {
  /** `2027-12-24T18:00` */
  text: string
  /** `mon` */
  weekday: string
  /** Since midnight. */
  minute: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

function localTime(moment: Date, timeZone: string): LocalTime {
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
    formats.set(timeZone, format)
  }
  const part = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]))
  return {
    text: `${part['year'] ?? ''}-${part['month'] ?? ''}-${part['day'] ?? ''}T${part['hour'] ?? ''}:${part['minute'] ?? ''}`,
    weekday: (part['weekday'] ?? '').toLowerCase(),
    minute: Number(part['hour']) * 60 + Number(part['minute']),
  }
}
