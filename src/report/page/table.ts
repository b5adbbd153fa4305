import type { Cell, TableBlock } from '../../diagnose/block.ts'
import { isFigure } from '../../diagnose/block.ts'
import { cellText } from '../diagnosis/cells.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'

const mostBars = 12

/** A table whose columns sort by a click, below its chart where it has one. */
export function tableHtml(block: TableBlock): Html {
  const { title, figures, columns, rows, more, note } = block
  const head = html`<h3>${title} <span class="faint">(${figures})</span></h3>`
  if (rows.length === 0)
    return html`${head}
      <p class="faint">None.</p>`
  return html`${head}${chartHtml(block)}
    <div class="scroll" tabindex="0" role="region" aria-label="${title}">
      <table>
        <thead>
          <tr>
            ${columns.map(
              ({ title: name, kind }) =>
                html`<th scope="col" class="${isFigure(kind) && 'number'}">
                  <button type="button">${name}</button>
                </th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                ${columns.map(({ kind }, at) => cellHtml(row[at] ?? null, kind))}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${more > 0 && html`<p class="note">and ${more.toLocaleString('en-US')} more</p>`}
    ${note && html`<p class="note">${note}</p>`}`
}

function cellHtml(value: Cell, kind: TableBlock['columns'][number]['kind']): Html {
  const text = cellText(value, kind)
  const tone = kind === 'access' ? tones[text[0] ?? ''] : undefined
  if (tone !== undefined) return html`<td class="${tone}">${text}</td>`
  if (kind === 'expression') {
    return html`<td>
      ${
        text !== '' &&
        html`<details class="inline">
          <summary>Expression</summary>
          <code>${text}</code>
        </details>`
      }
    </td>`
  }
  if (!isFigure(kind)) return html`<td>${text}</td>`
  return html`<td class="number" data-value="${value === null ? -1 : String(value)}">${text}</td>`
}

/** By the first letter of what a role may do: everything, denied, no grant. */
const tones: Record<string, string> = { e: 'warn', d: 'good', n: 'faint' }

/** The rows of a table as bars, the longest first. */
function chartHtml({ chart, columns, rows }: TableBlock): Html | undefined {
  if (!chart) return undefined
  const bars = rows
    .map((row) => ({
      label: cellText(row[chart.label] ?? null, 'text'),
      values: chart.values.map((at) => Number(row[at] ?? 0)),
    }))
    .map((bar) => ({ ...bar, sum: bar.values.reduce((sum, value) => sum + value, 0) }))
    .filter(({ sum }) => sum > 0)
    .sort((one, other) => other.sum - one.sum)
    .slice(0, mostBars)
  const longest = bars[0]?.sum ?? 0
  if (longest === 0) return undefined
  const kind = columns[chart.values[0] ?? 0]?.kind ?? 'count'
  return html`${
    chart.values.length > 1 &&
    html`<p class="legend">${chart.values.map((at) => html`<i></i>${columns[at]?.title}`)}</p>`
  }
  ${barsHtml(
    bars.map(({ label, values, sum }) => ({ label, values, text: cellText(sum, kind) })),
    longest,
  )}`
}

/** Bars on a common scale, each with its label and its value as text. */
export function barsHtml(bars: { label: string; values: number[]; text: string }[], longest: number): Html {
  return html`<ol class="bars">
    ${bars.map(
      ({ label, values, text }) =>
        html`<li>
          <span class="label" title="${label}">${label}</span>
          <span class="track"
            >${values.map((value) => html`<i style="width:${((100 * value) / Math.max(longest, Number.MIN_VALUE)).toFixed(2)}%"></i>`)}</span
          >
          <span class="value">${text}</span>
        </li>`,
    )}
  </ol>`
}
