import type { DiagnosisReport, ReportFinding } from '../../diagnose/report.ts'
import { isAtLeast } from '../../rules/rule.ts'
import { markdownTable } from '../markdownTable.ts'
import { setApart } from '../together.ts'
import { soonLines } from './forecasts.ts'
import { metricTarget, metricTrend, metricValue, metricVerdict, oneLine } from './cells.ts'

const mostFindings = 10

/** SUMMARY.md: one screen with the metrics, the worst findings, what was not seen, and what to do next. */
export function diagnosisSummary(report: DiagnosisReport): string {
  const { server, statistics, metrics, findings, sections } = report
  const notSeen = sections.filter(({ status }) => status !== 'ok')
  const { single, groups } = setApart(findings)
  const soon = soonLines(report)
  const hasTrend = metrics.some(({ trend }) => trend)
  return [
    `# ${code(server.database)} on ${report.takenAt.slice(0, 16).replace('T', ' ')} UTC`,
    '',
    `PostgreSQL ${server.version} (${server.provider}); counters ${statistics.ageDays === null ? 'of unknown age' : `of ${statistics.ageDays.toFixed(1)} days`}.`,
    '',
    markdownTable(
      ['Metric', 'Value', 'Target', '', 'Known', ...(hasTrend ? ['Since the last report'] : [])],
      metrics.map((metric) => [
        ...[metric.title, metricValue(metric), metricTarget(metric), metricVerdict(metric), metric.kind],
        ...(hasTrend ? [metricTrend(metric)] : []),
      ]),
      ['left', 'right', 'left', 'left', 'left', 'right'],
    ),
    '',
    `## Findings: ${countLevels(findings)}`,
    '',
    ...single
      .slice(0, mostFindings)
      .map(({ level, rule, detail }) => `- **${level}** ${code(rule)} ${escapeMarkdown(cut(detail))}`),
    ...(single.length > mostFindings
      ? [`- and ${single.length - mostFindings} more in diagnostics-report.txt`]
      : []),
    ...groups.map(({ title }) => `- ${escapeMarkdown(title)}`),
    '',
    ...(notSeen.length > 0
      ? [
          `Not seen: ${notSeen.length} of ${sections.length} sections and rules; the report's last section says which and why.`,
          '',
        ]
      : []),
    ...(soon.length > 0 ? ['## Runs out', '', ...soon.map((line) => `- ${escapeMarkdown(line)}`), ''] : []),
    '## Next',
    '',
    ...nextSteps(findings).map((step, at) => `${at + 1}. ${step}`),
    '',
  ].join('\n')
}

function nextSteps(findings: ReportFinding[]): string[] {
  const curable = findings.filter(({ remedy }) => remedy.kind === 'migration')
  // Below this level `optimize` writes migrations only on request.
  const migrations = curable.filter(({ level }) => isAtLeast(level, 'warn'))
  const minor = curable.length - migrations.length
  const rules = [...new Set(migrations.map(({ rule }) => rule))]
  const runbooks = findings.filter(({ remedy }) => remedy.kind === 'runbook')
  return [
    ...(migrations.length > 0
      ? [
          `\`npm run optimize\` writes a reversible migration for ${migrations.length} of the findings (${rules.slice(0, 4).join(', ')}${rules.length > 4 ? ' ...' : ''}).`,
        ]
      : []),
    ...(minor > 0
      ? [`\`npm run optimize -- --level info\` writes migrations for ${minor} notes too, which gain less.`]
      : []),
    ...(runbooks.length > 0
      ? [
          `${runbooks.length} findings have exact steps in diagnostics-report.txt; the first: ${escapeMarkdown(runbooks[0]?.remedy.title ?? '')}.`,
        ]
      : []),
    'Run `npm run diagnose` again after a day or two, and `npm run -s hundredfold -- compare` the two folders.',
  ]
}

/** `2 errors, 5 warnings, 12 notes` */
export function countLevels(findings: Pick<ReportFinding, 'level'>[]): string {
  const count = (level: string): number => findings.filter((finding) => finding.level === level).length
  return `${plural(count('error'), 'error')}, ${plural(count('warn'), 'warning')}, ${plural(count('info'), 'note')}`
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

function cut(text: string): string {
  const line = oneLine(text)
  return line.length > 160 ? `${line.slice(0, 159)}…` : line
}

function code(text: string): string {
  const line = oneLine(text)
  const fence = line.includes('`') ? '``' : '`'
  return `${fence}${line}${fence}`
}

/** Names must not become markup: neither HTML nor Markdown. */
export function escapeMarkdown(text: string): string {
  return oneLine(text)
    .replace(/[\\`*_{}[\]|#]/g, '\\$&')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}
