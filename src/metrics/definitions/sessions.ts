import { relationLockModes } from '../../shadow/locks.ts'
import type { MetricDefinition } from '../definition.ts'
import { ofDatabase } from '../definition.ts'
import { targets } from '../targets.ts'

/** The states that a session can be in, of which each has a value, be it 0. */
export const sessionStates = [
  'active',
  'idle',
  'idle in transaction',
  'idle in transaction (aborted)',
  'fastpath function call',
  'disabled',
] as const

/** Modes of locks in a database, of which each has a value, be it 0. */
export const lockModes: readonly string[] = [...relationLockModes, 'SIReadLock']

/** Connections, sessions and what they wait for. */
export const sessionMetrics = {
  connectionUsage: {
    ...{ id: 'connection_usage', help: 'Connections taken of those that a limit allows', unit: 'percent' },
    ...{ kind: 'gauge', prometheus: 'hundredfold_connection_usage_ratio', labels: ['of'] },
    target: { below: targets.connection_usage },
  },
  clientConnections: {
    ...{ id: 'client_connections', help: 'Connections of clients to the whole server', unit: 'count' },
    ...{ kind: 'gauge', prometheus: 'hundredfold_client_connections', labels: ['state'] },
    otel: {
      ...{ name: 'db.client.connection.count', unit: '{connection}', isSum: true },
      labels: { state: 'db.client.connection.state' },
      // The server knows no pools: these are the connections of all.
      attributes: { 'db.client.connection.pool.name': 'all' },
    },
  },
  sessions: {
    ...{ id: 'sessions', help: "Sessions of this database by state, without monitor's own", unit: 'count' },
    ...{ kind: 'gauge', prometheus: 'pg_stat_activity_count', labels: ['datname', 'state'] },
  },
  longestTransaction: {
    ...{ id: 'longest_transaction', help: 'Age of the oldest transaction of sessions in this state' },
    ...{ unit: 'seconds', kind: 'gauge', labels: ['datname', 'state'] },
    prometheus: 'pg_stat_activity_max_tx_duration',
  },
  longestIdleInTransaction: {
    ...{ id: 'longest_idle_in_transaction', help: 'For how long a session has been idle in its transaction' },
    ...{ unit: 'seconds', kind: 'gauge', labels: ofDatabase },
    prometheus: 'hundredfold_longest_idle_in_transaction_seconds',
  },
  waiting: {
    ...{ id: 'sessions_waiting', help: 'Sessions of this database that wait for a lock', unit: 'count' },
    ...{ kind: 'gauge', prometheus: 'hundredfold_sessions_waiting', labels: ofDatabase },
  },
  longestWait: {
    ...{ id: 'longest_lock_wait', help: 'For how long a session has waited for a lock', unit: 'seconds' },
    ...{ kind: 'gauge', prometheus: 'hundredfold_longest_lock_wait_seconds', labels: ofDatabase },
  },
  locks: {
    ...{ id: 'locks', help: 'Locks held or waited for in this database, by mode', unit: 'count' },
    ...{ kind: 'gauge', prometheus: 'pg_locks_count', labels: ['datname', 'mode'] },
  },
} as const satisfies Record<string, MetricDefinition>
