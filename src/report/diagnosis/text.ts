import type { Block, ChartBlock } from '../../diagnose/block.ts'
import { stepLines } from '../../diagnose/planBlock.ts'
import type { DiagnosisReport, ReportFinding, ReportSection } from '../../diagnose/report.ts'
import type { Impact } from '../../rules/impact/impact.ts'
import { setApart } from '../together.ts'
import type { View } from './actions.ts'
import { actionLines, defaultView, impactText } from './actions.ts'
import { forecastTable, measured, seriesName } from './forecasts.ts'
import { metricTarget, metricTrend, metricValue, metricVerdict, oneLine, tableLines } from './cells.ts'

/** diagnostics-report.txt: what to do first, metrics, then the numbered sections, the findings, and what was not seen. */
export function diagnosisText(report: DiagnosisReport, view: View = defaultView): string {
  const chapters = report.sections.filter(({ id }) => !id.startsWith('rule/'))
  const parts: [string, string[]][] = [
    ...chapters.map((section): [string, string[]] => [section.title, sectionLines(section)]),
    ['Findings', findingLines(report)],
    ['Not seen', notSeenLines(report)],
  ]
  return [
    `hundredfold diagnose, ${report.takenAt}`,
    `PostgreSQL ${report.server.version} (${report.server.provider}), database ${oneLine(report.server.database)}`,
    '',
    ...actionLines(report, view),
    '',
    ...metricLines(report),
    '',
    ...parts.flatMap(([title, lines], at) => {
      const head = `${at + 1}. ${title}`
      return [head, '='.repeat(head.length), '', ...lines, '']
    }),
  ].join('\n')
}

/** One line per metric: value, target, verdict, how it was measured, trend and note. */
export function metricLines({ metrics }: DiagnosisReport): string[] {
  return metrics.map((metric) => {
    const trend = metricTrend(metric)
    return (
      `${metric.title}: ${metricValue(metric)} (${metric.kind}), target ${metricTarget(metric)}: ${metricVerdict(metric)}` +
      (trend && metric.trend ? `; ${trend} since ${metric.trend.since}` : '') +
      (metric.note ? `; ${metric.note}` : '')
    )
  })
}

function sectionLines({ status, reason, blocks }: ReportSection): string[] {
  if (status !== 'ok') return [`${status}: ${oneLine(reason ?? 'no reason given')}`]
  return (blocks ?? []).flatMap((block) => [...blockLines(block), ''])
}

function blockLines(block: Block): string[] {
  switch (block.kind) {
    case 'text':
      return block.lines.map(indentedLine)
    case 'plan':
      return [...block.head, ...stepLines(block.step, 2), ...block.foot].map(indentedLine)
    case 'chart':
      return [chartLine(block)]
    case 'forecasts':
      return blockLines(forecastTable(block.forecasts))
    case 'table':
      return [`${block.title} (${block.figures})`, ...tableLines(block)]
  }
}

function indentedLine(line: string): string {
  return /^\s*/.exec(line)?.[0] + oneLine(line.trim())
}

/** `connection_usage: 43 % now, 55 % at most since 2026-11-02` */
function chartLine({ series, points, now }: ChartBlock): string {
  const most = Math.max(...points.map(([, , max]) => max))
  const since = new Date((points[0]?.[0] ?? 0) * 1_000).toISOString().slice(0, 10)
  return oneLine(
    `${seriesName(series)}: ${measured(now, series.unit)} now, ${measured(most, series.unit)} at most since ${since}`,
  )
}

/** Level, rule and subject of a finding, its detail and evidence, and what to do; minor ones of a kind in one line. */
export function findingLines({ findings, ignored }: DiagnosisReport): string[] {
  const { single, groups } = setApart(findings)
  const lines = single.flatMap((finding) => [...oneFinding(finding), ''])
  if (groups.length > 0) {
    lines.push('Grouped; report.json lists each of them:')
    lines.push(...groups.map(({ title }) => `  ${title}`), '')
  }
  if (findings.length === 0) lines.push('None.', '')
  if (ignored.length > 0) {
    lines.push(`Ignored: ${ignored.length}`)
    for (const { key, reason, expires } of ignored) {
      lines.push(`  ${oneLine(key)}: ${oneLine(reason)}${expires ? ` (until ${expires})` : ''}`)
    }
  }
  return lines
}

function oneFinding({ level, key, detail, evidence, remedy, impact }: ReportFinding): string[] {
  return [
    `[${level}] ${oneLine(key)}`,
    `  ${oneLine(detail)}`,
    ...(impact ? [`  Impact: ${impactLine(impact)}`] : []),
    ...evidence.map(
      ({ name, value, unit, kind }) =>
        `  - ${name}: ${value === null ? 'unknown' : oneLine(String(value))}${unit ? ` ${unit}` : ''} (${kind})`,
    ),
    `  ${remedy.kind === 'none' ? 'Nothing to do' : remedy.kind === 'migration' ? 'Migration' : 'Do'}: ${oneLine(remedy.title)}`,
    ...(remedy.steps ?? []).map((step, at) => `    ${at + 1}. ${oneLine(step)}`),
  ]
}

/** With how the figure was computed. */
function impactLine(impact: Impact): string {
  const { value, because } = impact
  return value === null ? because : `${impactText(impact)}: ${because}`
}

/** What was skipped or failed, sections and rules, each with its reason. */
export function notSeenLines({ sections }: DiagnosisReport): string[] {
  const lines = sections
    .filter(({ status }) => status !== 'ok')
    .map(({ id, status, reason }) => `${id}: ${status}: ${oneLine(reason ?? 'no reason given')}`)
  return lines.length > 0 ? lines : ['Everything was seen.']
}
