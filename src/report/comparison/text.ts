import type { Comparison } from '../../diagnose/compare.ts'
import { metricValue, oneLine } from '../diagnosis/cells.ts'
import { duration } from '../units.ts'
import { findingGroups, verdictLine } from './markdown.ts'

/** The comparison for a terminal. */
export function comparisonText(comparison: Comparison): string {
  const { before, after, metrics, statements, counters, regressions } = comparison
  return [
    `${oneLine(after.database)}: ${before.takenAt} -> ${after.takenAt}`,
    verdictLine(comparison),
    '',
    ...metrics.map(
      (metric) =>
        `${metric.title}: ${metricValue({ ...metric, value: metric.before })} -> ${metricValue({ ...metric, value: metric.after })} (${metric.verdict})`,
    ),
    ...findingGroups(comparison).flatMap(({ title, lines }) =>
      lines.length === 0
        ? []
        : ['', `${title}: ${lines.length}`, ...lines.map((line) => `  ${oneLine(line)}`)],
    ),
    ...(statements.length > 0
      ? [
          '',
          'Mean time of a call',
          ...statements.map(
            ({ text, beforeMs, afterMs }) =>
              `  ${duration(beforeMs)} -> ${duration(afterMs)}  ${oneLine(text)}`,
          ),
        ]
      : []),
    '',
    'refused' in counters
      ? `Counters are not compared: ${counters.refused}.`
      : `Between the two: ${Object.entries(counters.differences)
          .map(([name, value]) => `${name} ${value.toLocaleString('en-US')}`)
          .join(', ')}`,
    ...(regressions.length > 0
      ? ['', 'Regressions', ...regressions.map((line) => `  ${oneLine(line)}`)]
      : []),
    '',
  ].join('\n')
}
