import type { Unit } from '../../metrics/measurement.ts'

/** A number with its unit, as a person writes it: `80 %`, `1s`, `10 GB`, `5/s`, `12`. */
export interface Quantity {
  value: number
  unit: Unit
}

const kilobyte = 1_024

/** What may stand behind a number, and how much of the metric's unit it is. */
const suffixes = new Map<string, { unit: Unit; times: number }>([
  ['', { unit: 'count', times: 1 }],
  ['%', { unit: 'percent', times: 1 }],
  ['/s', { unit: 'per_second', times: 1 }],
  ['ms', { unit: 'seconds', times: 0.001 }],
  ['s', { unit: 'seconds', times: 1 }],
  ['m', { unit: 'seconds', times: 60 }],
  ['min', { unit: 'seconds', times: 60 }],
  ['h', { unit: 'seconds', times: 3_600 }],
  ['d', { unit: 'seconds', times: 86_400 }],
  ['B', { unit: 'bytes', times: 1 }],
  ['kB', { unit: 'bytes', times: kilobyte }],
  ['MB', { unit: 'bytes', times: kilobyte ** 2 }],
  ['GB', { unit: 'bytes', times: kilobyte ** 3 }],
  ['TB', { unit: 'bytes', times: kilobyte ** 4 }],
])

export const units = ['percent', 'seconds', 'bytes', 'count', 'per_second'] as const satisfies readonly Unit[]

/** How a value of each unit is written, for messages. */
export const examples: Record<Unit, string> = {
  percent: '80 %',
  seconds: '1s',
  bytes: '10 GB',
  count: '12',
  per_second: '5/s',
}

/**
 * Reads a value with its unit; 1 kB is 1,024 bytes, as PostgreSQL counts.
 *
 *     parseQuantity('250ms')   // { value: 0.25, unit: 'seconds' }
 *
 * @returns undefined if the text is no such thing
 */
export function parseQuantity(text: string): Quantity | undefined {
  const match = /^(-?\d+(?:\.\d+)?)\s*(\S*)$/.exec(text.trim().replaceAll(',', ''))
  const suffix = match?.[2] === undefined ? undefined : suffixes.get(match[2])
  if (!match?.[1] || !suffix) return undefined
  return { value: Number(match[1]) * suffix.times, unit: suffix.unit }
}

/** `30s`, `5m`, `4h`, `7d` in milliseconds; undefined for anything else, and for a number without a unit. */
export function parseDurationMs(text: string): number | undefined {
  const quantity = parseQuantity(text)
  return quantity?.unit === 'seconds' && quantity.value >= 0 ? Math.round(quantity.value * 1_000) : undefined
}

/** A value for people: `85.2 %`, `1.25 s`, `12 GB`, `5 /s`, `12`. */
export function quantityText(value: number, unit: Unit): string {
  switch (unit) {
    case 'percent':
      return `${rounded(value)} %`
    case 'seconds':
      return Math.abs(value) < 1 && value !== 0 ? `${rounded(value * 1_000)} ms` : `${rounded(value)} s`
    case 'per_second':
      return `${rounded(value)} /s`
    case 'count':
      return Number.isInteger(value) ? numberFormat.format(value) : rounded(value)
    case 'bytes':
      return bytesText(value)
  }
}

/** A duration for people: `250 ms`, `30 s`, `5 min`, `4 h`, `7 d`. */
export function durationText(ms: number): string {
  const units: [number, string][] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ]
  const [size, name] = units.find(([size]) => ms >= size) ?? [1, 'ms']
  return `${rounded(ms / size)} ${name}`
}

function bytesText(value: number): string {
  let size = value
  for (const name of ['B', 'kB', 'MB', 'GB']) {
    if (Math.abs(size) < kilobyte) return `${rounded(size)} ${name}`
    size /= kilobyte
  }
  return `${rounded(size)} TB`
}

/** Made once: making one takes longer than judging a round. */
const numberFormat = new Intl.NumberFormat('en-US', { maximumFractionDigits: 6 })

/** Four digits that count are enough to compare with a threshold. */
function rounded(value: number): string {
  return numberFormat.format(Number(value.toPrecision(4)))
}
