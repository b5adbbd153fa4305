import type { ComparedMetric, Comparison } from '../../diagnose/compare.ts'
import { metricValue } from '../diagnosis/cells.ts'
import { gaugeHtml } from '../page/gauge.ts'
import type { Html } from '../page/html.ts'
import { html } from '../page/html.ts'
import { page } from '../page/page.ts'
import { barsHtml } from '../page/table.ts'
import { duration } from '../units.ts'
import { findingGroups, verdictLine } from './markdown.ts'

/** The comparison as one file, with a pair of bars for every metric and statement. */
export function comparisonPage(comparison: Comparison): string {
  const { before, after, metrics, statements, counters, regressions } = comparison
  return page(`${after.database}: two reports`, {
    header: html`<h1>${after.database}</h1>
      <p class="faint">${before.takenAt} and ${after.takenAt}</p>
      <p><b>${verdictLine(comparison)}</b></p>`,
    main: html`${
        regressions.length > 0 &&
        html`<h2>Regressions</h2>
          <ul>
            ${regressions.map((line) => html`<li class="bad">${line}</li>`)}
          </ul>`
      }
      <h2>Gauges, before and after</h2>
      ${metrics.map(metricHtml)}
      ${findingGroups(comparison).map(
        ({ title, lines }) =>
          lines.length > 0 &&
          html`<h2>${title}: ${lines.length}</h2>
            <ul>
              ${lines.map((line) => html`<li>${line}</li>`)}
            </ul>`,
      )}
      ${statements.length > 0 && html`<h2>Mean time of a call</h2>`}
      ${statements.map(
        ({ text, beforeMs, afterMs }) =>
          html`<h3><code>${text}</code></h3>
            ${pair(beforeMs, afterMs, duration)}`,
      )}
      ${'refused' in counters && html`<p class="warn">Counters are not compared: ${counters.refused}.</p>`}`,
  })
}

const tones = { better: 'good', worse: 'bad', unchanged: 'faint', unknown: 'faint' }

function metricHtml(metric: ComparedMetric): Html {
  return html`<h3>${metric.title} <span class="${tones[metric.verdict]}">${metric.verdict}</span></h3>
    ${
      metric.before === null || metric.after === null
        ? html`<p class="faint">unknown in one of the two</p>`
        : metric.unit === '%'
          ? gauges(metric, [metric.before, metric.after])
          : pair(metric.before, metric.after, (value) => metricValue({ ...metric, value }))
    }`
}

/** On a scale of 0 to 100, with the target. */
function gauges({ unit, target }: ComparedMetric, values: [before: number, after: number]): Html {
  return html`<ol class="bars">
      ${values.map((value, at) => html`<li><span>${at === 0 ? 'before' : 'after'}</span>${gaugeHtml(value, target)}<span class="value">${metricValue({ value, unit })}</span></li>`)}
    </ol>
    ${target !== undefined && html`<p class="note">The mark is the target: ${target} ${unit}.</p>`}`
}

function pair(before: number, after: number, text: (value: number) => string): Html {
  return barsHtml(
    [
      { label: 'before', values: [before], text: text(before) },
      { label: 'after', values: [after], text: text(after) },
    ],
    Math.max(before, after),
  )
}
