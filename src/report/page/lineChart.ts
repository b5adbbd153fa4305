import type { ChartBlock } from '../../diagnose/block.ts'
import { measured, seriesName } from '../diagnosis/forecasts.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'

const size = { width: 560, height: 170, left: 74, right: 12, top: 10, bottom: 24 }

/** A figure over time: a line through the means, and a band up to the greatest values. */
export function lineChart({ series, points, now, end }: ChartBlock): Html {
  const [first] = points
  const last = points.at(-1)
  if (!first || !last) return html``
  const top = Math.max(...points.map(([, , max]) => max), Number.EPSILON)
  const step = niceStep(top / 3, series.unit === 'bytes' ? 1_024 : 10)
  const highest = Math.ceil(top / step - 1e-9) * step
  const x = (at: number): number =>
    size.left + ((at - first[0]) / Math.max(1, last[0] - first[0])) * (size.width - size.left - size.right)
  const y = (value: number): number =>
    size.height - size.bottom - (value / highest) * (size.height - size.top - size.bottom)
  const place = (at: number, value: number): string => `${x(at).toFixed(1)},${y(value).toFixed(1)}`
  const means = points.map(([at, mean]) => place(at, mean))
  const maxima = points.map(([at, , max]) => place(at, max))
  const ticks = Array.from({ length: Math.round(highest / step) + 1 }, (_, index) => index * step)
  const name = seriesName(series)
  const said =
    `${name} from ${date(first[0])} to ${date(last[0])}: ${measured(now, series.unit)} now, ` +
    `${measured(Math.max(...points.map(([, , max]) => max)), series.unit)} at most`
  return html`<figure class="chart">
    <figcaption>
      ${name}
      <span class="faint"
        >now
        ${measured(now, series.unit)}${end !== undefined && `; ends at ${measured(end, series.unit)}`}</span
      >
    </figcaption>
    <svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${said}">
      ${ticks.map(
        (value) =>
          html`<line x1="${size.left}" x2="${size.width - size.right}" y1="${y(value)}" y2="${y(value)}" />
            <text x="${size.left - 6}" y="${y(value) + 4}" text-anchor="end">
              ${measured(value, series.unit)}
            </text>`,
      )}
      <text x="${size.left}" y="${size.height - 6}">${date(first[0])}</text>
      <text x="${size.width - size.right}" y="${size.height - 6}" text-anchor="end">${date(last[0])}</text>
      <polygon points="${[...means, ...maxima.toReversed()].join(' ')}" />
      <polyline points="${means.join(' ')}" />
    </svg>
  </figure>`
}

/** 1, 2, 5, 10, 20 ... that is at least so large; of bytes, such a number of kB, MB or GB. */
function niceStep(least: number, base: 10 | 1_024): number {
  const power = base ** Math.floor(Math.log(least) / Math.log(base))
  const decade = power * 10 ** Math.floor(Math.log10(least / power))
  return decade * ([1, 2, 5, 10].find((factor) => factor * decade >= least - 1e-12) ?? 10)
}

/** `2026-11-30 14:05`, in UTC. */
function date(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().slice(0, 16).replace('T', ' ')
}
