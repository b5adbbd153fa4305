import type { MetricDefinition } from '../definition.ts'

function setting(name: string, help: string): MetricDefinition {
  return {
    ...{ id: `setting_${name}`, help, unit: 'bytes', kind: 'gauge', labels: [] },
    prometheus: `pg_settings_${name}_bytes`,
  }
}

/** The server: whether it answers, what it is set to, its checkpoints and its write-ahead log. */
export const serverMetrics = {
  up: {
    ...{ id: 'up', help: '1 if the database answered in this round, else 0', unit: 'count', kind: 'gauge' },
    prometheus: 'pg_up',
    labels: [],
  },
  startedAt: {
    ...{ id: 'server_started_at', help: 'When the server started, in seconds since 1970' },
    ...{ unit: 'seconds', kind: 'gauge', prometheus: 'pg_postmaster_start_time_seconds', labels: [] },
  },
  version: {
    ...{ id: 'server_version', help: 'Always 1; the label is the version of the server' },
    ...{ unit: 'count', kind: 'gauge', prometheus: 'pg_static', labels: ['short_version'] },
  },
  maxConnections: {
    ...{ id: 'max_connections', help: 'The setting max_connections', unit: 'count', kind: 'gauge' },
    prometheus: 'pg_settings_max_connections',
    labels: [],
    otel: { name: 'postgresql.connection.max', unit: '{connections}' },
  },
  sharedBuffers: setting('shared_buffers', 'The setting shared_buffers'),
  effectiveCacheSize: setting('effective_cache_size', 'The setting effective_cache_size'),
  workMem: setting('work_mem', 'The setting work_mem'),
  maintenanceWorkMem: setting('maintenance_work_mem', 'The setting maintenance_work_mem'),
  maxWalSize: setting('max_wal_size', 'The setting max_wal_size'),
  timedCheckpoints: {
    ...{ id: 'checkpoints_timed', help: 'Checkpoints that were due', unit: 'count', kind: 'counter' },
    prometheus: 'pg_stat_bgwriter_checkpoints_timed_total',
    labels: [],
    otel: {
      ...{ name: 'postgresql.bgwriter.checkpoint.count', unit: '{checkpoints}' },
      attributes: { type: 'scheduled' },
    },
  },
  requestedCheckpoints: {
    ...{
      id: 'checkpoints_requested',
      help: 'Checkpoints before they were due',
      unit: 'count',
      kind: 'counter',
    },
    prometheus: 'pg_stat_bgwriter_checkpoints_req_total',
    labels: [],
    otel: {
      ...{ name: 'postgresql.bgwriter.checkpoint.count', unit: '{checkpoints}' },
      attributes: { type: 'requested' },
    },
  },
  walWritten: {
    ...{ id: 'wal_written', help: 'Bytes written to the write-ahead log', unit: 'bytes', kind: 'counter' },
    ...{ prometheus: 'hundredfold_wal_written_bytes_total', labels: [] },
  },
  walSize: {
    ...{ id: 'wal_size', help: 'Bytes that the write-ahead log takes on disk', unit: 'bytes', kind: 'gauge' },
    ...{ prometheus: 'pg_wal_size_bytes', labels: [] },
  },
  walSegments: {
    ...{ id: 'wal_segments', help: 'Files of the write-ahead log', unit: 'count', kind: 'gauge' },
    ...{ prometheus: 'pg_wal_segments', labels: [] },
  },
  freeDisk: {
    ...{ id: 'free_disk', help: 'Bytes free where the server keeps its data', unit: 'bytes', kind: 'gauge' },
    ...{ prometheus: 'hundredfold_free_disk_bytes', labels: [] },
  },
} as const satisfies Record<string, MetricDefinition>
