import { readDatabaseCounters } from '../../../catalog/databaseCounters.ts'
import { readDatabaseBytes } from '../../../catalog/server.ts'
import { databaseMetrics as metrics } from '../../../metrics/definitions/database.ts'
import type { MetricReader } from '../reader.ts'
import { labelsOf, measure, measureOr } from '../reader.ts'

const { size, ...counters } = metrics

const counted: MetricReader = {
  metrics: Object.values(counters),
  async read(context) {
    const values = await context.read(readDatabaseCounters)
    const labels = labelsOf(context)
    return {
      measurements: Object.entries(counters).map(([name, metric]) =>
        measure(metric, values[name as keyof typeof counters], labels),
      ),
    }
  },
}

/** The server looks at every file for it, so it is not asked in every round. */
const sizeEveryMs = 300_000

function sizeReader(): MetricReader {
  let last: { bytes: number | null; at: number } | undefined
  return {
    metrics: [size],
    async read(context) {
      const at = context.takenAt.getTime()
      if (!last || Math.abs(at - last.at) >= sizeEveryMs)
        last = { bytes: await context.read(readDatabaseBytes), at }
      return measureOr(size, last.bytes, labelsOf(context), 'this role may not connect to the database')
    },
  }
}

/** What pg_stat_database counts, and the size of the database. */
export function databaseReaders(): MetricReader[] {
  return [counted, sizeReader()]
}
