import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'audit_events' }
const index = { schema: 'public', name: 'idx_audit_events_entity_id' }
const definition = 'CREATE INDEX idx_audit_events_entity_id ON public.audit_events USING btree (entity_id)'

export const optimization: Optimization = {
  why:
    'No statement searches the audit trail by entity; random ids make every insert touch another page ' +
    'of the index.',
  rule: 'unused_index',
  before: [indexIs(index, definition)],
  after: [indexIsAbsent(index)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // DROP INDEX CONCURRENTLY cannot run inside one.
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.createIndex(table, ['entity_id'], { name: index.name, concurrently: true })
}
