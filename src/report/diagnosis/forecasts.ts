import type { TableBlock } from '../../diagnose/block.ts'
import { tableBlock } from '../../diagnose/block.ts'
import type { DiagnosisReport } from '../../diagnose/report.ts'
import type { Forecast } from '../../history/forecast.ts'
import type { Series } from '../../history/history.ts'
import type { Unit } from '../../metrics/measurement.ts'
import { bytes, duration } from '../units.ts'

const day = 86_400
const farthest = 5 * 365 * day
/** What happens sooner is told on the first page. */
const soon = 90 * day

/** Forecasts for people, those that happen first at the beginning. */
export function forecastTable(forecasts: readonly Forecast[]): TableBlock {
  return tableBlock({
    id: 'forecasts',
    title: 'What runs out, at the pace of the time that was watched',
    figures: 'estimated',
    columns: [
      ['metric', 'text', ({ series }) => seriesName(series)],
      ['now', 'text', ({ series, value }) => measured(value, series.unit)],
      ['a day', 'text', ({ series, pace }) => `${pace > 0 ? '+' : ''}${measured(pace, series.unit)}`],
      ['watched', 'seconds', ({ watched }) => watched],
      ['forecast', 'text', outcomeText],
    ],
    items: forecasts.toSorted((one, other) => secondsUntil(one) - secondsUntil(other)),
    note: 'A straight line through the greatest values of each hour or day; it does not see what comes all at once.',
  })
}

/** `free_disk: the disk is full in 23 days (18 to 31)`, for each that happens within 90 days. */
export function soonLines({ sections }: DiagnosisReport): string[] {
  return sections
    .flatMap(({ blocks = [] }) =>
      blocks.flatMap((block) => (block.kind === 'forecasts' ? block.forecasts : [])),
    )
    .filter((forecast) => secondsUntil(forecast) < soon)
    .sort((one, other) => secondsUntil(one) - secondsUntil(other))
    .map((forecast) => `${seriesName(forecast.series)}: ${outcomeText(forecast)}`)
}

/** `sequence_usage of bookings_id_seq` */
export function seriesName({ id, labels }: Series): string {
  const values = Object.entries(labels).flatMap(([name, value]) => (name === 'datname' ? [] : [value]))
  return values.length === 0 ? id : `${id} of ${values.join(', ')}`
}

/** A measured value with its unit: `43.1 %`, `1.4 GB`, `12 ms`, `830/s`. */
export function measured(value: number, unit: Unit): string {
  switch (unit) {
    case 'percent':
      return `${short(value)} %`
    case 'bytes':
      return bytes(value)
    case 'seconds':
      return duration(1_000 * value)
    case 'count':
      return short(value)
    case 'per_second':
      return `${short(value)}/s`
  }
}

function short(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumSignificantDigits: 3 })
}

function outcomeText({ outcome, happens, series }: Forecast): string {
  switch (outcome.kind) {
    case 'reached':
      return outcome.inSeconds > farthest
        ? 'not within five years'
        : `${happens} in ${days(outcome.inSeconds)} days (${days(outcome.earliest)} to ${days(outcome.latest)})`
    case 'no-trend':
      return 'does not grow, as far as one can see'
    case 'comes-back':
      return `comes back from time to time, from ${measured(outcome.nearest, series.unit)} at most`
    case 'too-short':
      return 'not yet: it takes a day of history'
  }
}

function days(seconds: number): string {
  const count = seconds / day
  return count < 10 ? count.toFixed(1) : Math.round(count).toLocaleString('en-US')
}

/** Infinite where nothing is foretold. */
function secondsUntil({ outcome }: Forecast): number {
  return outcome.kind === 'reached' ? outcome.inSeconds : Infinity
}
