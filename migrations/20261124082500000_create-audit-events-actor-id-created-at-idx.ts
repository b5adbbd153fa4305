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
const index = { schema: 'public', name: 'audit_events_actor_id_created_at_idx' }
const shape = { table, keys: ['actor_id', 'created_at DESC'] }
const auditOfUser = {
  sql: `
    SELECT id, action, entity
    FROM public.audit_events
    WHERE actor_id = '00000000-0000-0000-0000-000000000001'
    ORDER BY created_at DESC
    LIMIT 50`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why: 'What did this person do last? is a scan of the largest table that only grows.',
  rule: 'missing_index',
  before: [columnsExist(table, ['actor_id', 'created_at']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(auditOfUser, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['actor_id', { name: 'created_at', sort: 'DESC' }], {
    name: index.name,
    concurrently: true,
  })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
