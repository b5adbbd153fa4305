import type { MetricDefinition } from '../definition.ts'
import { ofDatabase } from '../definition.ts'
import { monitorTargets, targets } from '../targets.ts'

/** How healthy the tables are: cache, dead rows, and what runs out. */
export const tableMetrics = {
  cacheHitRatio: {
    ...{
      id: 'cache_hit_ratio',
      help: 'Blocks of tables found in shared_buffers, since the reset of the counters',
    },
    ...{ unit: 'percent', kind: 'gauge', prometheus: 'hundredfold_cache_hit_ratio', labels: ofDatabase },
    target: { least: targets.cache_hit_ratio },
  },
  recentCacheHitRatio: {
    ...{
      id: 'cache_hit_ratio_recent',
      help: 'Blocks of tables found in shared_buffers, since the round before',
    },
    ...{
      unit: 'percent',
      kind: 'gauge',
      prometheus: 'hundredfold_cache_hit_ratio_recent',
      labels: ofDatabase,
    },
    target: { least: targets.cache_hit_ratio },
  },
  deadTuples: {
    ...{ id: 'dead_tuples', help: 'Rows that are dead, weighted by the size of their tables' },
    ...{ unit: 'percent', kind: 'gauge', prometheus: 'hundredfold_dead_tuples_ratio', labels: ofDatabase },
    target: { below: targets.dead_tuples },
  },
  sequenceUsage: {
    ...{ id: 'sequence_usage', help: 'Values used of the five sequences that are nearest to their end' },
    ...{ unit: 'percent', kind: 'gauge', prometheus: 'hundredfold_sequence_usage_ratio' },
    labels: ['datname', 'sequence'],
    target: { below: monitorTargets.sequence_usage },
  },
  transactionIdAge: {
    ...{
      id: 'transaction_id_age',
      help: 'Transactions since the oldest row that is not frozen',
      unit: 'count',
    },
    ...{ kind: 'gauge', prometheus: 'pg_database_wraparound_age_datfrozenxid_seconds', labels: ofDatabase },
  },
  multixactAge: {
    ...{ id: 'multixact_age', help: 'Multixacts since the oldest one that is not frozen', unit: 'count' },
    ...{ kind: 'gauge', prometheus: 'pg_database_wraparound_age_datminmxid_seconds', labels: ofDatabase },
  },
  transactionIdUsage: {
    ...{
      id: 'transaction_id_usage',
      help: 'Transaction ids used before the server refuses writes; its worst database',
    },
    ...{ unit: 'percent', kind: 'gauge', prometheus: 'hundredfold_transaction_id_usage_ratio', labels: [] },
    target: { below: monitorTargets.wraparound },
  },
  multixactUsage: {
    ...{
      id: 'multixact_usage',
      help: 'Multixacts used before the server refuses writes; its worst database',
    },
    ...{ unit: 'percent', kind: 'gauge', prometheus: 'hundredfold_multixact_usage_ratio', labels: [] },
    target: { below: monitorTargets.wraparound },
  },
} as const satisfies Record<string, MetricDefinition>
