import type { MetricDefinition } from './definition.ts'
import { databaseMetrics } from './definitions/database.ts'
import { ownMetrics } from './definitions/own.ts'
import { replicationMetrics } from './definitions/replication.ts'
import { serverMetrics } from './definitions/server.ts'
import { sessionMetrics } from './definitions/sessions.ts'
import { statementMetrics } from './definitions/statements.ts'
import { tableMetrics } from './definitions/tables.ts'

/** Every metric of `monitor`, in the order in which people read them. */
export const metrics: readonly MetricDefinition[] = [
  serverMetrics,
  sessionMetrics,
  tableMetrics,
  databaseMetrics,
  statementMetrics,
  replicationMetrics,
  ownMetrics,
].flatMap((group) => Object.values<MetricDefinition>(group))

const byId = new Map(metrics.map((metric) => [metric.id, metric]))

/** The metric of that id; undefined where there is none. */
export function findMetric(id: string): MetricDefinition | undefined {
  return byId.get(id)
}
