import type { Cell, CellKind, TableBlock } from '../../diagnose/block.ts'
import { isFigure } from '../../diagnose/block.ts'
import type { Metric } from '../../diagnose/report.ts'
import { bytes, duration } from '../units.ts'

/** A cell for people: `1.4 MB`, `12 ms`, `1,234`, `37 %`; `-` where there is no value. */
export function cellText(value: Cell, kind: CellKind): string {
  if (value === null) return '-'
  if (typeof value !== 'number') return String(value)
  switch (kind) {
    case 'bytes':
      return bytes(value)
    case 'ms':
      return duration(value)
    case 'seconds':
      return age(value)
    case 'percent':
      return `${value.toFixed(1)} %`
    case 'count':
      return Math.round(value).toLocaleString('en-US')
    default:
      return String(value)
  }
}

function age(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} days`
}

/** `99.21 %`, `3 tables`, `unknown`. */
export function metricValue({ value, unit }: Pick<Metric, 'value' | 'unit'>): string {
  if (value === null) return 'unknown'
  if (unit === '%') return `${value} %`
  return `${value.toLocaleString('en-US')} ${value === 1 ? unit.replace(/s$/, '') : unit}`
}

/** `at least 99 %`, `below 80 %`, `0 tables`. */
export function metricTarget({ target, better, unit }: Metric): string {
  if (target === undefined) return ''
  if (target === 0) return `0 ${unit}`
  return better === 'higher' ? `at least ${target} ${unit}` : `below ${target} ${unit}`
}

/** `met`, `not met`, `not judged`. */
export function metricVerdict({ met }: Metric): 'met' | 'not met' | 'not judged' {
  return met === undefined ? 'not judged' : met ? 'met' : 'not met'
}

/** `99.9 % since then`, `+2.1 % since then`; empty without an earlier report. */
export function metricTrend({ trend, unit }: Metric): string {
  if (!trend) return ''
  const sign = trend.of === 'change' && trend.value > 0 ? '+' : ''
  return `${sign}${trend.value} ${unit}`
}

/** A table as aligned lines, each at most as wide as its widest cell; SQL is left out, which is too wide for that. */
export function tableLines({ columns: all, rows, more, note }: TableBlock): string[] {
  if (rows.length === 0) return ['none']
  const columns = all.filter(({ kind }) => kind !== 'expression')
  const texts = rows.map((row) =>
    columns.map((column) => oneLine(cellText(row[all.indexOf(column)] ?? null, column.kind))),
  )
  const heads = columns.map(({ title }) => title)
  const widths = heads.map((head, at) => Math.max(...[head, ...texts.map((row) => row[at] ?? '')].map(width)))
  const line = (cells: string[]): string =>
    cells
      .map((cell, at) => pad(cell, widths[at] ?? 0, !isFigure(columns[at]?.kind ?? 'text')))
      .join('  ')
      .trimEnd()
  return [
    line(heads),
    line(widths.map((size) => '-'.repeat(size))),
    ...texts.map(line),
    ...(more > 0 ? [`... and ${more.toLocaleString('en-US')} more`] : []),
    ...(note ? [note] : []),
  ]
}

/** Names may hold line breaks and characters that move the cursor. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/\p{Cc}/gu, '\u{FFFD}')
}

function width(text: string): number {
  return Array.from(text).length
}

function pad(text: string, size: number, left: boolean): string {
  const space = ' '.repeat(Math.max(0, size - width(text)))
  return left ? text + space : space + text
}
