import type { MetricDefinition } from '../definition.ts'
import { ofDatabase } from '../definition.ts'

/** A counter of pg_stat_database. */
function counter(
  id: string,
  column: string,
  help: string,
  otel: Partial<MetricDefinition['otel']> & { name: string },
): MetricDefinition {
  return {
    ...{ id, help, unit: 'count', kind: 'counter', labels: ofDatabase },
    prometheus: `pg_stat_database_${column}`,
    otel: { unit: '1', ...otel },
  }
}

/** What pg_stat_database counts for the database that is watched. */
export const databaseMetrics = {
  commits: counter('transactions_committed', 'xact_commit', 'Transactions that were committed', {
    name: 'postgresql.commits',
  }),
  rollbacks: counter('transactions_rolled_back', 'xact_rollback', 'Transactions that were rolled back', {
    name: 'postgresql.rollbacks',
  }),
  blocksHit: counter('blocks_hit', 'blks_hit', 'Blocks found in shared_buffers', {
    ...{ name: 'postgresql.blks_hit', unit: '{blks_hit}' },
  }),
  blocksRead: counter('blocks_read', 'blks_read', 'Blocks read from outside shared_buffers', {
    ...{ name: 'postgresql.blks_read', unit: '{blks_read}' },
  }),
  rowsReturned: counter('rows_returned', 'tup_returned', 'Rows that scans read', {
    ...{ name: 'postgresql.tup_returned', unit: '{tup_returned}' },
  }),
  rowsFetched: counter('rows_fetched', 'tup_fetched', 'Rows fetched by index scans', {
    ...{ name: 'postgresql.tup_fetched', unit: '{tup_fetched}' },
  }),
  rowsInserted: counter('rows_inserted', 'tup_inserted', 'Rows inserted', {
    ...{ name: 'postgresql.tup_inserted', unit: '{tup_inserted}' },
  }),
  rowsUpdated: counter('rows_updated', 'tup_updated', 'Rows updated', {
    ...{ name: 'postgresql.tup_updated', unit: '{tup_updated}' },
  }),
  rowsDeleted: counter('rows_deleted', 'tup_deleted', 'Rows deleted', {
    ...{ name: 'postgresql.tup_deleted', unit: '{tup_deleted}' },
  }),
  conflicts: counter('recovery_conflicts', 'conflicts', 'Queries of a standby cancelled by recovery', {
    ...{ name: 'hundredfold.recovery_conflicts', unit: '{query}' },
  }),
  deadlocks: counter('deadlocks', 'deadlocks', 'Deadlocks', {
    ...{ name: 'postgresql.deadlocks', unit: '{deadlock}' },
  }),
  temporaryFiles: counter('temporary_files', 'temp_files', 'Temporary files that statements wrote', {
    ...{ name: 'postgresql.temp_files', unit: '{temp_file}' },
  }),
  temporaryBytes: {
    ...counter('temporary_bytes', 'temp_bytes', 'Bytes that statements wrote to temporary files', {
      ...{ name: 'postgresql.temp.io', unit: 'By' },
    }),
    unit: 'bytes',
  },
  backends: {
    ...{
      id: 'backends',
      help: 'Processes of this database, sessions and workers',
      unit: 'count',
      kind: 'gauge',
    },
    prometheus: 'pg_stat_database_numbackends',
    labels: ofDatabase,
    otel: { name: 'postgresql.backends', unit: '1', isSum: true },
  },
  size: {
    ...{ id: 'database_size', help: 'Bytes that the database takes on disk', unit: 'bytes', kind: 'gauge' },
    prometheus: 'pg_database_size_bytes',
    labels: ofDatabase,
    otel: { name: 'postgresql.db_size', unit: 'By', isSum: true },
  },
} as const satisfies Record<string, MetricDefinition>
