import type { MetricDefinition } from '../definition.ts'

/** Standbys and replication slots. */
export const replicationMetrics = {
  isStandby: {
    ...{ id: 'is_standby', help: '1 on a standby, 0 on a primary', unit: 'count', kind: 'gauge' },
    ...{ prometheus: 'pg_replication_is_replica', labels: [] },
  },
  lag: {
    ...{ id: 'replication_lag', help: 'How far this standby is behind its primary', unit: 'seconds' },
    ...{ kind: 'gauge', prometheus: 'pg_replication_lag_seconds', labels: [] },
  },
  standbyLag: {
    ...{ id: 'standby_lag', help: 'Write-ahead log that a standby has not replayed yet', unit: 'bytes' },
    ...{ kind: 'gauge', prometheus: 'pg_stat_replication_pg_wal_lsn_diff' },
    labels: ['application_name', 'client_addr', 'state'],
    otel: { name: 'postgresql.replication.data_delay', unit: 'By' },
  },
  slotLag: {
    ...{
      id: 'replication_slot_lag',
      help: 'Write-ahead log that the server keeps for a slot',
      unit: 'bytes',
    },
    ...{
      kind: 'gauge',
      prometheus: 'pg_replication_slots_pg_wal_lsn_diff',
      labels: ['slot_name', 'slot_type'],
    },
  },
  slotActive: {
    ...{ id: 'replication_slot_active', help: '1 if somebody reads from the slot, else 0', unit: 'count' },
    ...{ kind: 'gauge', prometheus: 'pg_replication_slots_active', labels: ['slot_name', 'slot_type'] },
  },
} as const satisfies Record<string, MetricDefinition>
