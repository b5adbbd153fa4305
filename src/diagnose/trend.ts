import type { DiagnosisReport, Metric } from './report.ts'

/** Why counters of two reports cannot be subtracted; undefined where they can. */
export function whyNotComparable(earlier: DiagnosisReport, later: DiagnosisReport): string | undefined {
  if (earlier.server.database !== later.server.database) {
    return `they are of different databases: ${earlier.server.database} and ${later.server.database}`
  }
  if (earlier.statistics.resetAt !== later.statistics.resetAt) {
    return `the counters were reset in between: since ${earlier.statistics.resetAt ?? 'unknown'}, now since ${later.statistics.resetAt ?? 'unknown'}`
  }
  const shrunk = Object.entries(earlier.counters).find(([name, value]) => {
    const now = later.counters[name]
    return countsUp.has(name) && now !== undefined && now < value
  })
  return shrunk && `the counter ${shrunk[0]} went down, so it was reset in between`
}

/** Sums over tables go down when one of them is dropped; these do not. */
const countsUp = new Set(['commits', 'blocksHit', 'blocksRead', 'rowsInserted', 'tempBytes'])

/** The report with what its counters say about the time since the earlier one. */
export function withTrend(report: DiagnosisReport, earlier: DiagnosisReport): DiagnosisReport {
  if (whyNotComparable(earlier, report) !== undefined) return report
  return {
    ...report,
    metrics: report.metrics.map((metric) => {
      const trend = trendOf(metric, report, earlier)
      return trend === undefined ? metric : { ...metric, trend: { since: earlier.takenAt, ...trend } }
    }),
  }
}

function trendOf(
  metric: Metric,
  report: DiagnosisReport,
  earlier: DiagnosisReport,
): Omit<NonNullable<Metric['trend']>, 'since'> | undefined {
  if (metric.id === 'cache_hit_ratio') {
    const hit = difference('tableBlocksHit', report, earlier)
    const read = difference('tableBlocksRead', report, earlier)
    if (hit === undefined || read === undefined || hit < 0 || read < 0 || hit + read === 0) return undefined
    return { value: Number(((100 * hit) / (hit + read)).toFixed(2)), of: 'interval' }
  }
  // Its figure is a current state and not a sum.
  const before = earlier.metrics.find(({ id }) => id === metric.id)?.value ?? null
  if (metric.value === null || before === null) return undefined
  return { value: Number((metric.value - before).toFixed(2)), of: 'change' }
}

/** How much a counter grew; undefined where one of the reports has none. */
export function difference(
  name: string,
  later: DiagnosisReport,
  earlier: DiagnosisReport,
): number | undefined {
  const [now, then] = [later.counters[name], earlier.counters[name]]
  return now === undefined || then === undefined ? undefined : now - then
}
