import type { Comparison } from '../../diagnose/compare.ts'
import { metricValue } from '../diagnosis/cells.ts'
import { escapeMarkdown } from '../diagnosis/summary.ts'
import { markdownTable } from '../markdownTable.ts'
import { duration } from '../units.ts'

/** The comparison for a pull request. */
export function comparisonMarkdown(comparison: Comparison): string {
  const { before, after, unchanged, counters, regressions } = comparison
  return [
    `# ${escapeMarkdown(after.database)}: ${before.takenAt} and ${after.takenAt}`,
    '',
    verdictLine(comparison),
    '',
    markdownTable(
      ['Metric', 'Before', 'After', ''],
      comparison.metrics.map((metric) => [
        metric.title,
        metricValue({ ...metric, value: metric.before }),
        metricValue({ ...metric, value: metric.after }),
        metric.verdict,
      ]),
      ['left', 'right', 'right'],
    ),
    '',
    ...findingGroups(comparison).flatMap(({ title, lines }) =>
      lines.length === 0
        ? []
        : [`## ${title}: ${lines.length}`, '', ...lines.map((line) => `- ${escapeMarkdown(line)}`), ''],
    ),
    `Unchanged: ${unchanged}.`,
    '',
    ...(comparison.statements.length > 0
      ? [
          markdownTable(
            ['Statement', 'Mean before', 'Mean after'],
            comparison.statements.map(({ text, beforeMs, afterMs }) => [
              escapeMarkdown(text),
              duration(beforeMs),
              duration(afterMs),
            ]),
            ['left', 'right', 'right'],
          ),
          '',
        ]
      : []),
    ...('refused' in counters ? [`Counters are not compared: ${escapeMarkdown(counters.refused)}.`, ''] : []),
    ...(regressions.length > 0
      ? ['## Regressions', '', ...regressions.map((line) => `- ${escapeMarkdown(line)}`), '']
      : []),
  ].join('\n')
}

/** `3 new, 12 fixed, 1 worse, 2 better, 40 unchanged` */
export function verdictLine(comparison: Comparison): string {
  const { fixed, worse, better, unchanged, notCompared } = comparison
  const rest = notCompared.length > 0 ? `, ${notCompared.length} not compared` : ''
  return `${comparison.new.length} new, ${fixed.length} fixed, ${worse.length} worse, ${better.length} better, ${unchanged} unchanged${rest}`
}

/** The findings of a comparison, a line each, by what became of them. */
export function findingGroups(comparison: Comparison): { title: string; lines: string[] }[] {
  return [
    { title: 'New', lines: comparison.new.map(({ level, key, detail }) => `${level} ${key}: ${detail}`) },
    { title: 'Fixed', lines: comparison.fixed.map(({ level, key }) => `${level} ${key}`) },
    { title: 'Worse', lines: comparison.worse.map(({ key, change }) => `${key}: ${change}`) },
    { title: 'Better', lines: comparison.better.map(({ key, change }) => `${key}: ${change}`) },
    { title: 'Not compared', lines: comparison.notCompared.map(({ key, reason }) => `${key}: ${reason}`) },
  ]
}
