import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'audit_events' }
const index = { schema: 'public', name: 'idx_audit_events_action' }
const definition = 'CREATE INDEX idx_audit_events_action ON public.audit_events USING btree (action)'

export const optimization: Optimization = {
  why: 'Three actions: no statement is selective enough to use the index.',
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
  pgm.createIndex(table, ['action'], { name: index.name, concurrently: true })
}
