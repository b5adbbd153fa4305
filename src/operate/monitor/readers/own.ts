import { findCacheOutbox, mostRowsCounted } from '../../../catalog/cacheOutbox.ts'
import { followReports } from '../lastReport.ts'
import { ownMetrics as metrics } from '../../../metrics/definitions/own.ts'
import { levels } from '../../../rules/rule.ts'
import type { MetricReader } from '../reader.ts'
import { labelsOf, measure, measureOr, together } from '../reader.ts'

const outbox: MetricReader = {
  metrics: [metrics.outboxRows, metrics.outboxAge],
  async read(context) {
    const found = await findCacheOutbox(context.db)
    const labels = labelsOf(context)
    if (!found) {
      const reason = 'this database has no outbox of the cache'
      return {
        measurements: [],
        skipped: [metrics.outboxRows, metrics.outboxAge].map(({ id }) => ({ id, reason })),
      }
    }
    const age = found.oldestSeconds ?? 0
    const isOld = age >= metrics.outboxAge.target.below
    return {
      measurements: [
        measure(metrics.outboxRows, found.rows, labels),
        measure(metrics.outboxAge, age, labels),
      ],
      verdicts: [
        ...(isOld
          ? [
              {
                id: metrics.outboxAge.id,
                met: false,
                note: 'nobody reads it: start `hundredfold cache invalidate`',
              },
            ]
          : []),
        ...(found.rows >= mostRowsCounted
          ? [{ id: metrics.outboxRows.id, met: undefined, note: 'or more: counting ends there' }]
          : []),
      ],
    }
  },
}

/** @param folder with the folders that `diagnose` wrote */
function reportReader(folder: string): MetricReader {
  const lastReport = followReports(folder)
  return {
    metrics: [metrics.findings, metrics.reportAge, metrics.freeSpace],
    async read(context) {
      const labels = labelsOf(context)
      const report = await lastReport(context.server.database)
      if (!report) {
        const reason = `no report of this database lies in ${folder}; \`hundredfold diagnose\` writes one, and --reports says where`
        return {
          measurements: [],
          skipped: [metrics.findings, metrics.reportAge, metrics.freeSpace].map(({ id }) => ({ id, reason })),
        }
      }
      return together(
        {
          measurements: [
            ...levels.map((level) => measure(metrics.findings, report.findings[level], { ...labels, level })),
            measure(
              metrics.reportAge,
              Math.max(0, (context.takenAt.getTime() - report.takenAt.getTime()) / 1_000),
              labels,
            ),
          ],
        },
        measureOr(metrics.freeSpace, report.freeSpace, labels, 'the last report does not have it'),
      )
    },
  }
}

/** What hundredfold itself keeps, in the database and in files. */
export function ownReaders(reports: string): MetricReader[] {
  return [outbox, reportReader(reports)]
}
