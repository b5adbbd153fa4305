import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'audit_events' }
const index = { schema: 'public', name: 'idx_audit_events_detail' }
const definition = 'CREATE INDEX idx_audit_events_detail ON public.audit_events USING gin (detail)'

export const optimization: Optimization = {
  why:
    'No statement looks into the detail; a GIN index is the dearest kind to keep, on a table that is ' +
    'only written.',
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
  pgm.createIndex(table, ['detail'], { name: index.name, method: 'gin', concurrently: true })
}
