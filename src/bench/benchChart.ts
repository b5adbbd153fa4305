import type { BenchRow } from './row.ts'
import { amount, ratio } from '../report/units.ts'

const rowHeight = 26
const labelWidth = 400
const barWidth = 360
const width = labelWidth + barWidth + 220

/**
 * How many times better each row became, as a static SVG. It has one bar per row on a logarithmic scale, since the values
 * range from 1.5 to 5,000.
 */
export function benchChart(rows: BenchRow[]): string {
  const finite = rows.filter(({ ratio: times }) => Number.isFinite(times) && times > 0)
  const decades = Math.max(1, Math.ceil(Math.log10(Math.max(10, ...finite.map((row) => row.ratio)))))
  const height = rowHeight * finite.length + 40
  const at = (times: number): number => (Math.max(0, Math.log10(times)) / decades) * barWidth
  const grid = Array.from({ length: decades + 1 }, (_, decade) => {
    const x = labelWidth + at(10 ** decade)
    return [
      `<line x1="${x}" y1="24" x2="${x}" y2="${height - 8}" stroke="#d0d7de"/>`,
      `<text x="${x}" y="16" text-anchor="middle" fill="#656d76">${(10 ** decade).toLocaleString('en-US')}x</text>`,
    ].join('')
  })
  const bars = finite.map((row, index) => {
    const y = 32 + rowHeight * index
    const length = Math.max(2, at(row.ratio))
    const text = `${ratio(row.ratio)}  (${amount(row.before, row.unit)} → ${amount(row.after, row.unit)})`
    return [
      `<text x="${labelWidth - 8}" y="${y + 13}" text-anchor="end" fill="#1f2328">${escape(shorten(row.title))}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="18" rx="2" fill="${row.met ? '#1a7f64' : '#cf222e'}"/>`,
      `<text x="${(labelWidth + length + 6).toFixed(1)}" y="${y + 13}" fill="#1f2328">${escape(text)}</text>`,
    ].join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    '<title>How many times better, before and after</title>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...grid,
    ...bars,
    '</svg>',
    '',
  ].join('\n')
}

function shorten(title: string): string {
  return title.length > 62 ? `${title.slice(0, 61)}…` : title
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
