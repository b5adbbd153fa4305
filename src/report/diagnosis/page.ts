import type { Block } from '../../diagnose/block.ts'
import type { DiagnosisReport, Metric, ReportFinding, ReportSection } from '../../diagnose/report.ts'
import type { Html } from '../page/html.ts'
import { html } from '../page/html.ts'
import { lineChart } from '../page/lineChart.ts'
import { page } from '../page/page.ts'
import { tableHtml } from '../page/table.ts'
import type { Together } from '../together.ts'
import { setApart } from '../together.ts'
import { metricTarget, metricTrend, metricValue, metricVerdict } from './cells.ts'
import { forecastTable } from './forecasts.ts'
import { countLevels } from './summary.ts'
import { notSeenLines } from './text.ts'

/** report.html: metrics, findings, and every section with its charts and tables, in one file. */
export function diagnosisPage(report: DiagnosisReport): string {
  const { server, statistics } = report
  const chapters = report.sections.filter(({ id }) => !id.startsWith('rule/'))
  return page(`${server.database}: diagnosis`, {
    header: html`<h1>${server.database}</h1>
      <p class="faint">
        PostgreSQL ${server.version} (${server.provider}), looked at on ${report.takenAt} as ${server.role};
        counters
        ${statistics.ageDays === null ? 'of unknown age' : `of ${statistics.ageDays.toFixed(1)} days`}.
      </p>
      <nav aria-label="Sections">
        <ol>
          <li><a href="#findings">Findings</a></li>
          ${chapters.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
          <li><a href="#not-seen">Not seen</a></li>
        </ol>
      </nav>`,
    main: html`<h2 id="metrics">Metrics</h2>
      <ul class="cards">
        ${report.metrics.map(metricCard)}
      </ul>
      ${findingsHtml(report)} ${chapters.map(chapterHtml)}
      <h2 id="not-seen">Not seen</h2>
      <pre>${notSeenLines(report).join('\n')}</pre>`,
  })
}

function metricCard(metric: Metric): Html {
  const verdict = metricVerdict(metric)
  const tone = verdict === 'met' ? 'good' : verdict === 'not met' ? 'bad' : 'faint'
  const trend = metricTrend(metric)
  return html`<li class="card">
    ${metric.title} <b>${metricValue(metric)}</b>
    <p><span class="${tone}">${verdict}</span>: ${metricTarget(metric)}, ${metric.kind}</p>
    ${trend && html`<p>${trend} since ${metric.trend?.since}</p>`}
    ${metric.note && html`<p class="faint">${metric.note}</p>`}
  </li>`
}

function findingsHtml({ findings, ignored }: DiagnosisReport): Html {
  const { single, groups } = setApart(findings)
  return html`<h2 id="findings">Findings: ${countLevels(findings)}</h2>
    ${
      findings.length > 5 &&
      html`<p><label for="filter">Only findings with </label><input id="filter" type="search" /></p>`
    }
    ${findings.length === 0 && html`<p>None.</p>`} ${single.map(findingHtml)} ${groups.map(groupHtml)}
    ${
      ignored.length > 0 &&
      html`<h3>Ignored</h3>
        <ul>
          ${ignored.map(
            ({ key, reason, expires }) =>
              html`<li><code>${key}</code>: ${reason}${expires && ` (until ${expires})`}</li>`,
          )}
        </ul>`
    }`
}

const tones = { error: 'bad', warn: 'warn', info: 'faint' }

function findingHtml({ level, rule, detail, evidence, remedy, key }: ReportFinding): Html {
  return html`<details class="finding">
    <summary><span class="level ${tones[level]}">${level}</span> <code>${rule}</code> ${detail}</summary>
    <div>
      <p class="faint"><code>${key}</code></p>
      <ul>
        ${evidence.map(
          ({ name, value, unit, kind }) =>
            html`<li>
              ${name}: ${value === null ? 'unknown' : String(value)}${unit && ` ${unit}`}
              <span class="faint">(${kind})</span>
            </li>`,
        )}
      </ul>
      <p>
        <b>${remedy.kind === 'none' ? 'Nothing to do' : remedy.kind === 'migration' ? 'Migration' : 'Do'}:</b>
        ${remedy.title}
      </p>
      ${
        remedy.steps &&
        html`<ol>
          ${remedy.steps.map((step) => html`<li>${step}</li>`)}
        </ol>`
      }
    </div>
  </details>`
}

function groupHtml({ title, findings }: Together<ReportFinding>): Html {
  return html`<details class="finding">
    <summary>${title}</summary>
    <div>
      <ul>
        ${findings.map(({ key, detail }) => html`<li><code>${key}</code>: ${detail}</li>`)}
      </ul>
    </div>
  </details>`
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
    case 'text':
      return html`<pre>${block.lines.join('\n')}</pre>`
  }
}
