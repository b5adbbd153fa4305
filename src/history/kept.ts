import type { MetricDefinition } from '../metrics/definition.ts'
import { databaseMetrics } from '../metrics/definitions/database.ts'
import { replicationMetrics } from '../metrics/definitions/replication.ts'
import { serverMetrics } from '../metrics/definitions/server.ts'
import { sessionMetrics } from '../metrics/definitions/sessions.ts'
import { statementMetrics } from '../metrics/definitions/statements.ts'
import { tableMetrics } from '../metrics/definitions/tables.ts'

/** A metric whose history is worth its space, and where its values lead to. */
export interface KeptMetric {
  metric: MetricDefinition
  /** What happens when the value gets there. */
  end?: { at: number; happens: string }
}

/** What the history keeps, in the order of the report. */
export const keptMetrics: readonly KeptMetric[] = [
  { metric: serverMetrics.freeDisk, end: { at: 0, happens: 'the disk is full' } },
  { metric: databaseMetrics.size },
  { metric: serverMetrics.walSize },
  {
    metric: tableMetrics.sequenceUsage,
    end: { at: 100, happens: 'the sequence has no value left' },
  },
  {
    metric: tableMetrics.transactionIdUsage,
    end: { at: 100, happens: 'the server refuses writes' },
  },
  { metric: tableMetrics.multixactUsage, end: { at: 100, happens: 'the server refuses writes' } },
  { metric: sessionMetrics.connectionUsage, end: { at: 100, happens: 'new connections are refused' } },
  { metric: statementMetrics.rate },
  { metric: statementMetrics.recentMean },
  { metric: tableMetrics.recentCacheHitRatio },
  { metric: tableMetrics.deadTuples },
  { metric: replicationMetrics.slotLag },
]
