import { InvalidArgumentError, Option } from 'commander'
import type { Hours } from '../migrate/hours.ts'
import { parseHours } from '../migrate/hours.ts'
import type { ListenAddress } from '../operate/monitor/metricsServer.ts'

/** How much data a demo or a bench works on: `CasaoraRows`. */
export function rowsOption(): Option {
  return new Option(
    '--rows <size>',
    'how much data: small is 100,000 bookings, medium 10 times, large 100 times',
  )
    .choices(['small', 'medium', 'large'])
    .default('small')
}

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** `200ms`, `1s`, `10m`, `2h`; a bare number counts seconds. Returns milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim())
  if (!match?.[1]) throw new InvalidArgumentError('Write a duration such as 200ms, 1s, 10m or 2h.')
  return Math.round(Number(match[1]) * (unitMs[match[2] ?? 's'] ?? 0))
}

/** `02:00-04:00`, in the machine's local time. */
export function parseDailyHours(text: string): Hours {
  const hours = parseHours(text)
  if (!hours) {
    throw new InvalidArgumentError(
      'Write two different times such as 02:00-04:00, or 22:00-04:00 over midnight.',
    )
  }
  return hours
}

/** A whole number of at least 1. */
export function parseCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError('Write a whole number of at least 1.')
  return count
}

/** `127.0.0.1:9187`, `[::1]:9187`, or `:9187` for every address of this machine. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:\s]*)):(\d{1,5})$/.exec(text.trim())
  const port = Number(match?.[3])
  if (!match || port > 65_535) {
    throw new InvalidArgumentError('Write an address and a port, such as 127.0.0.1:9187, or :9187.')
  }
  return { host: match[1] ?? match[2] ?? '', port }
}
