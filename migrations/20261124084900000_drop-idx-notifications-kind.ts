import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'notifications' }
const index = { schema: 'public', name: 'idx_notifications_kind' }
const definition = 'CREATE INDEX idx_notifications_kind ON public.notifications USING btree (kind)'

export const optimization: Optimization = {
  why: 'Six kinds: no statement is selective enough to use the index.',
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
  pgm.createIndex(table, ['kind'], { name: index.name, concurrently: true })
}
