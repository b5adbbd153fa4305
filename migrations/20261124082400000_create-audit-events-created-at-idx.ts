import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'audit_events' }
const index = { schema: 'public', name: 'audit_events_created_at_idx' }
const shape = { table, keys: ['created_at'] }
const auditTrail = {
  sql: `
    SELECT id, actor_id, action
    FROM public.audit_events
    ORDER BY created_at DESC
    LIMIT 100`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why:
    'The audit trail shows the latest hundred events and sorts all of them first, asking is_admin() ' +
    'for each.',
  rule: 'missing_index',
  before: [columnsExist(table, ['created_at']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(auditTrail, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['created_at'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
