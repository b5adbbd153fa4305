import type { MetricDefinition } from '../definition.ts'
import { ofDatabase } from '../definition.ts'
import { monitorTargets } from '../targets.ts'

/** Those of postgres_exporter. The text of a statement is no label: it has no bound, and may hold secrets. */
const ofStatement = ['user', 'datname', 'queryid'] as const

/** Statements of the application, from pg_stat_statements; the last two from pg_stat_monitor. */
export const statementMetrics = {
  mean: {
    ...{ id: 'mean_query_time', help: 'Mean execution time of a statement, since the reset of the counters' },
    ...{
      unit: 'seconds',
      kind: 'gauge',
      prometheus: 'hundredfold_mean_query_time_seconds',
      labels: ofDatabase,
    },
    target: { below: monitorTargets.mean_query_seconds },
  },
  recentMean: {
    ...{ id: 'mean_query_time_recent', help: 'Mean execution time of a statement, since the round before' },
    ...{
      unit: 'seconds',
      kind: 'gauge',
      prometheus: 'hundredfold_mean_query_time_recent_seconds',
      labels: ofDatabase,
    },
    target: { below: monitorTargets.mean_query_seconds },
  },
  recentDeviation: {
    ...{
      id: 'query_time_deviation_recent',
      help: 'Standard deviation of execution times, since the round before',
    },
    ...{ unit: 'seconds', kind: 'gauge', labels: ofDatabase },
    prometheus: 'hundredfold_query_time_deviation_recent_seconds',
  },
  rate: {
    ...{ id: 'query_rate', help: 'Statements a second, since the round before', unit: 'per_second' },
    ...{ kind: 'gauge', prometheus: 'hundredfold_queries_per_second', labels: ofDatabase },
  },
  statementCalls: {
    ...{ id: 'statement_calls', help: 'Calls of the statements that took most time in all', unit: 'count' },
    ...{ kind: 'counter', prometheus: 'pg_stat_statements_calls_total', labels: ofStatement },
  },
  statementSeconds: {
    ...{
      id: 'statement_seconds',
      help: 'Execution time of the statements that took most in all',
      unit: 'seconds',
    },
    ...{ kind: 'counter', prometheus: 'pg_stat_statements_seconds_total', labels: ofStatement },
  },
  statementMean: {
    ...{
      id: 'statement_mean_recent',
      help: 'Mean time of the statements that took most since the round before',
    },
    ...{
      unit: 'seconds',
      kind: 'gauge',
      prometheus: 'hundredfold_statement_mean_recent_seconds',
      labels: ofStatement,
    },
  },
  statementDeviation: {
    ...{ id: 'statement_deviation_recent', help: 'Standard deviation of the time of the same statements' },
    ...{ unit: 'seconds', kind: 'gauge', labels: ofStatement },
    prometheus: 'hundredfold_statement_deviation_recent_seconds',
  },
  p50: {
    ...{
      id: 'query_time_p50',
      help: 'Half of the statements took at most so long; from the histogram of pg_stat_monitor',
    },
    ...{
      unit: 'seconds',
      kind: 'gauge',
      prometheus: 'hundredfold_query_time_p50_seconds',
      labels: ofDatabase,
    },
  },
  p99: {
    ...{
      id: 'query_time_p99',
      help: '99 of 100 statements took at most so long; from the histogram of pg_stat_monitor',
    },
    ...{
      unit: 'seconds',
      kind: 'gauge',
      prometheus: 'hundredfold_query_time_p99_seconds',
      labels: ofDatabase,
    },
  },
} as const satisfies Record<string, MetricDefinition>
