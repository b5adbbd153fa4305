import { tableBlock } from '../diagnose/block.ts'
import type { DiagnosisReport } from '../diagnose/report.ts'
import { groupBy } from '../groupBy.ts'
import type { Plan, PlannedMigration } from '../migrate/plan.ts'
import type { Html } from '../report/page/html.ts'
import { html } from '../report/page/html.ts'
import { page } from '../report/page/page.ts'
import { barsHtml, tableHtml } from '../report/page/table.ts'
import { strongestLock } from '../report/planMarkdown.ts'
import { amount, ratio } from '../report/units.ts'
import { measuredText } from './benchMarkdown.ts'
import type { BenchResult } from './result.ts'
import type { BenchRow } from './row.ts'

/** bench.html: how many times better each row became, and how each was measured. */
export function benchPage(result: BenchResult): string {
  const { rows, skipped } = result
  return page('Bench', {
    header: html`<h1>Bench</h1>
      <p class="faint">${measuredText(result)}</p>`,
    main: html`${rowsHtml(rows)}
      <h2>How each was measured</h2>
      <dl>
        ${rows.map(
          ({ title, how }) =>
            how !== undefined &&
            html`<dt>${title}</dt>
              <dd>${how}</dd>`,
        )}
      </dl>
      ${
        skipped.length > 0 &&
        html`<h2>Not measured</h2>
          <ul>
            ${skipped.map(({ id, reason }) => html`<li>${id}: ${reason}</li>`)}
          </ul>`
      }`,
  })
}

/** What a demo has done, for its page. */
export interface DemoStory {
  rows: BenchRow[]
  before: DiagnosisReport
  after: DiagnosisReport
  plan: Plan
  reversible: boolean
}

/** demo.html: before and after, what was found and is left, and every migration with its SQL. */
export function demoPage({ rows, before, after, plan, reversible }: DemoStory): string {
  const { server, takenAt } = before
  return page('Demo', {
    header: html`<h1>A slow marketplace, before and after</h1>
      <p class="faint">PostgreSQL ${server.version} on this machine, ${takenAt}.</p>
      <p>
        ${plan.migrations.length} migrations were written, planned, applied and taken back:
        ${
          reversible
            ? html`<span class="good">the schema is exactly as it was</span>`
            : html`<span class="bad">the schema is not as it was</span>`
        }.
        The whole reports: <a href="before.html">before</a>, <a href="after.html">after</a>.
      </p>`,
    main: html`${rowsHtml(rows)}
      <h2>Findings: ${before.findings.length} before, ${after.findings.length} after</h2>
      ${findingsHtml(before, after)}
      <h2>Migrations</h2>
      ${plan.migrations.map(migrationHtml)}`,
  })
}

/** Bars on a logarithmic scale, since ratios range from 1.5 to 5,000, and the same as a table. */
function rowsHtml(rows: BenchRow[]): Html {
  const bars = rows
    .filter((row) => Number.isFinite(row.ratio) && row.ratio > 1)
    .map((row) => ({
      label: row.title,
      values: [Math.log10(row.ratio)],
      text: ratio(row.ratio),
    }))
  const longest = Math.max(...bars.flatMap(({ values }) => values), 1)
  return html`<h2>How many times better</h2>
    <p class="faint">On a logarithmic scale: each step of the same length is ten times more.</p>
    ${barsHtml(bars, longest)}
    ${tableHtml(
      tableBlock({
        ...{ id: 'rows', title: 'Before and after', figures: 'measured', items: rows, limit: Infinity },
        columns: [
          ['what', 'text', ({ title }) => title],
          ['before', 'text', (row) => amount(row.before, row.unit)],
          ['after', 'text', (row) => amount(row.after, row.unit)],
          ['ratio', 'text', (row) => ratio(row.ratio)],
          ["the plan's claim", 'text', ({ claim }) => claim],
          ['met', 'text', ({ met }) => (met ? 'yes' : 'no')],
        ],
      }),
    )}`
}

function findingsHtml(before: DiagnosisReport, after: DiagnosisReport): Html {
  const [were, are] = [before, after].map(({ findings }) => groupBy(findings, ({ rule }) => rule))
  const rules = [...new Set([...before.findings, ...after.findings].map(({ rule }) => rule))]
  return tableHtml(
    tableBlock({
      ...{ id: 'findings', title: 'Findings by rule', figures: 'measured', items: rules, limit: Infinity },
      columns: [
        ['rule', 'text', (rule) => rule],
        ['before', 'count', (rule) => were?.get(rule)?.length ?? 0],
        ['after', 'count', (rule) => are?.get(rule)?.length ?? 0],
      ],
    }),
  )
}

function migrationHtml(migration: PlannedMigration): Html {
  const { name, why, sql, reversible } = migration
  const lock = strongestLock(migration)
  return html`<details>
    <summary>${name}: ${lock ? `${lock.mode} on ${lock.relation}` : 'no lock on tables'}</summary>
    <p>${why}</p>
    <h4>Up</h4>
    <pre>${sql.up.join(';\n')};</pre>
    <h4>Down${reversible && ', proven in a shadow'}</h4>
    <pre>${sql.down.join(';\n')};</pre>
  </details>`
}
