import type { Block } from '../../diagnose/block.ts'
import type { DiagnosisReport, Metric, ReportSection } from '../../diagnose/report.ts'
import type { Action } from '../../rules/impact/actions.ts'
import type { Html } from '../page/html.ts'
import { html } from '../page/html.ts'
import { lineChart } from '../page/lineChart.ts'
import { gaugeHtml } from '../page/gauge.ts'
import { page } from '../page/page.ts'
import { stepTreeHtml } from '../page/planTree.ts'
import { tableHtml } from '../page/table.ts'
import { metricTarget, metricTrend, metricValue, metricVerdict } from './cells.ts'
import { forecastTable } from './forecasts.ts'
import { findingsHtml } from './findingsHtml.ts'
import { notSeenLines } from './text.ts'

/**
 * report.html: what to do first, metrics, and every section with its charts and tables, in one file.
 *
 * @param actions those of the diagnosis, whose operations give the SQL to copy
 */
export function diagnosisPage(report: DiagnosisReport, actions: Action[] = []): string {
  const { server, statistics } = report
  const chapters = report.sections
    .filter(({ id }) => !id.startsWith('rule/'))
    .map(named)
    .sort(byInterest)
  return page(`${server.database}: diagnosis`, {
    header: html`<h1>${server.database}</h1>
      <p class="faint">
        PostgreSQL ${server.version} (${server.provider}), looked at on ${report.takenAt} as ${server.role};
        counters
        ${statistics.ageDays === null ? 'of unknown age' : `of ${statistics.ageDays.toFixed(1)} days`}.
      </p>
      <nav aria-label="Sections">
        <ol>
          <li><a href="#findings">What to do first</a></li>
          <li><a href="#metrics">Gauges</a></li>
          ${chapters.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
          <li><a href="#not-seen">Not seen</a></li>
        </ol>
      </nav>`,
    main: html`${findingsHtml(report, actions)}
      <h2 id="metrics">Gauges and their targets</h2>
      <ul class="cards">
        ${report.metrics.map(metricCard)} ${report.sections.map(missingCard)}
      </ul>
      ${chapters.map(chapterHtml)}
      <h2 id="not-seen">Not seen</h2>
      <pre>${notSeenLines(report).join('\n')}</pre>`,
  })
}

/** What most readers come for; the other chapters follow in the order of the text. */
const first = [
  'statements_by_total',
  'plans',
  'table_sizes',
  'index_usage',
  'table_bloat',
  'index_bloat',
  'row_security',
  'cache',
  'connections',
]

/** The first chapter has a name that says what it is for. */
function named(section: ReportSection): ReportSection {
  return section.id === 'statements_by_total' ? { ...section, title: 'Where the time goes' } : section
}

function byInterest(one: ReportSection, other: ReportSection): number {
  return placeOf(one) - placeOf(other)
}

function placeOf({ id }: ReportSection): number {
  const place = first.indexOf(id)
  return place === -1 ? first.length : place
}

/** A chapter that brings a gauge, where it could not be read. */
function missingCard({ id, title, status, reason }: ReportSection): Html | undefined {
  const bringsGauge = ['cache', 'connections', 'table_bloat', 'statements_by_total'].includes(id)
  if (status === 'ok' || !bringsGauge) return undefined
  return html`<li class="card">
    ${title} <b>not measured</b>
    <p class="warn">${reason}</p>
  </li>`
}

function metricCard(metric: Metric): Html {
  const verdict = metricVerdict(metric)
  const tone = verdict === 'met' ? 'good' : verdict === 'not met' ? 'bad' : 'faint'
  const trend = metricTrend(metric)
  return html`<li class="card">
    ${metric.title} <b>${metric.value === null ? 'not measured' : metricValue(metric)}</b>
    ${metric.unit === '%' && metric.value !== null && gaugeHtml(metric.value, metric.target)}
    <p><span class="${tone}">${verdict}</span>: ${metricTarget(metric)}, ${metric.kind}</p>
    ${trend && html`<p>${trend} since ${metric.trend?.since}</p>`}
    ${metric.note && html`<p class="faint">${metric.note}</p>`}
  </li>`
}

function chapterHtml({ id, title, status, reason, blocks }: ReportSection): Html {
  return html`<h2 id="${id}">${title}</h2>
    ${status === 'ok' ? (blocks ?? []).map(blockHtml) : html`<p class="warn">${status}: ${reason}</p>`}`
}

function blockHtml(block: Block): Html {
  switch (block.kind) {
    case 'table':
      return tableHtml(block)
    case 'chart':
      return lineChart(block)
    case 'forecasts':
      return tableHtml(forecastTable(block.forecasts))
    case 'plan':
      return html`<pre>${block.head.join('\n')}</pre>
        ${stepTreeHtml(block.step)}
        ${block.foot.length > 0 && html`<p class="lines">${block.foot.map((line) => line.trim()).join('\n')}</p>`}`
    case 'text':
      return html`<pre>${block.lines.join('\n')}</pre>`
  }
}
