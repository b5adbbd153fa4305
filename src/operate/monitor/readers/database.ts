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

/** The server looks at every file for it. */
export const sizeReader: MetricReader = {
  metrics: [size],
  read: async (context) =>
    measureOr(
      size,
      await context.read(readDatabaseBytes),
      labelsOf(context),
      'this role may not connect to the database',
    ),
}

/** What pg_stat_database counts. */
export const databaseReaders: readonly MetricReader[] = [counted]
