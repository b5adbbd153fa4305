import type { DiagnosisReport, ReportFinding } from '../../diagnose/report.ts'
import { isAtLeast } from '../../rules/rule.ts'
import { markdownTable } from '../markdownTable.ts'
import { orderOfKinds } from '../../rules/impact/impact.ts'
import type { View } from './actions.ts'
import { defaultView, firstActions, plural, restLines } from './actions.ts'
import { setApart } from '../together.ts'
import { soonLines } from './forecasts.ts'
import { metricTarget, metricTrend, metricValue, metricVerdict, oneLine } from './cells.ts'

/** SUMMARY.md: one screen with what to do first, the metrics, what was not seen, and what comes next. */
export function diagnosisSummary(report: DiagnosisReport, view: View = defaultView): string {
  const { server, statistics, metrics, findings, sections } = report
  const notSeen = sections.filter(({ status }) => status !== 'ok')
  const soon = soonLines(report)
  const hasTrend = metrics.some(({ trend }) => trend)
  return [
    `# ${code(server.database)} on ${report.takenAt.slice(0, 16).replace('T', ' ')} UTC`,
    '',
    `PostgreSQL ${server.version} (${server.provider}); counters ${statistics.ageDays === null ? 'of unknown age' : `of ${statistics.ageDays.toFixed(1)} days`}.`,
    '',
    ...actionItems(report, view),
    `Findings: ${countLevels(findings)}. All of them are in report.html, by action.`,
    ...setApart(findings).groups.map(({ title }) => `- ${escapeMarkdown(title)}`),
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

/** The actions that matter most as a numbered list, each with what it costs and what fixes it. */
function actionItems(report: DiagnosisReport, view: View): string[] {
  const { listed, findings, ...rest } = firstActions(report, view)
  if (listed.length === 0) return []
  return [
    `## What to do first: ${plural(listed.length, 'action')} for ${plural(findings, 'finding')}`,
    '',
    ...listed.map(
      ({ action, first, impact, how }, at) =>
        `${at + 1}. **${action.level}** ${escapeMarkdown(action.title)}; ${escapeMarkdown(impact)}. ${escapeMarkdown(cut(first.detail))} ${action.command === undefined ? escapeMarkdown(how) : code(how)}`,
    ),
    '',
    ...restLines(rest, view),
    ...(listed.length > 1 ? [orderOfKinds] : []),
    '',
  ]
}

function nextSteps(findings: ReportFinding[]): string[] {
  const curable = findings.filter(({ remedy }) => remedy.kind === 'migration')
  // Below this level `optimize` writes migrations only on request.
  const migrations = curable.filter(({ level }) => isAtLeast(level, 'warn'))
  const minor = curable.length - migrations.length
  const runbooks = findings.filter(({ remedy }) => remedy.kind === 'runbook')
  return [
    ...(migrations.length > 0
      ? [
          `\`npx hundredfold optimize --limit 10\` writes reversible migrations for the actions that matter most; without \`--limit\`, for all ${migrations.length} findings that have one.`,
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
