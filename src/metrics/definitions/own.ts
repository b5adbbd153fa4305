import type { MetricDefinition } from '../definition.ts'
import { ofDatabase } from '../definition.ts'
import { monitorTargets, targets } from '../targets.ts'

/** What hundredfold itself keeps: the outbox of the cache, the last report, and the round. */
export const ownMetrics = {
  outboxRows: {
    ...{ id: 'cache_outbox_rows', help: "Changes in the cache's outbox that nobody has invalidated yet" },
    ...{ unit: 'count', kind: 'gauge', prometheus: 'hundredfold_cache_outbox_rows', labels: ofDatabase },
  },
  outboxAge: {
    ...{
      id: 'cache_outbox_age',
      help: "Age of the oldest change in the cache's outbox; old ones mean that nobody reads it",
    },
    ...{
      unit: 'seconds',
      kind: 'gauge',
      prometheus: 'hundredfold_cache_outbox_age_seconds',
      labels: ofDatabase,
    },
    target: { below: monitorTargets.cache_outbox_seconds },
  },
  findings: {
    ...{ id: 'findings', help: 'Findings of the last report of diagnose, by level', unit: 'count' },
    ...{ kind: 'gauge', prometheus: 'hundredfold_findings', labels: ['datname', 'level'] },
  },
  reportAge: {
    ...{ id: 'report_age', help: 'Age of the last report of diagnose', unit: 'seconds', kind: 'gauge' },
    ...{ prometheus: 'hundredfold_report_age_seconds', labels: ofDatabase },
  },
  freeSpace: {
    ...{ id: 'free_space', help: 'Heap that holds no row, by the last report of diagnose', unit: 'percent' },
    ...{ kind: 'gauge', prometheus: 'hundredfold_free_space_ratio', labels: ofDatabase },
    target: { below: targets.free_space },
  },
  roundDuration: {
    ...{ id: 'round_duration', help: 'How long the last round took', unit: 'seconds', kind: 'gauge' },
    ...{ prometheus: 'hundredfold_round_duration_seconds', labels: [] },
  },
  skipped: {
    ...{ id: 'metric_skipped', help: '1 for a metric that could not be read in this round', unit: 'count' },
    ...{ kind: 'gauge', prometheus: 'hundredfold_metric_skipped', labels: ['metric'] },
  },
} as const satisfies Record<string, MetricDefinition>
