import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'notifications' }
const index = { schema: 'public', name: 'idx_notifications_title_created_at' }
const definition =
  'CREATE INDEX idx_notifications_title_created_at ON public.notifications USING btree (title, created_at)'

export const optimization: Optimization = {
  why: 'No statement searches by title; the texts are as few as the kinds.',
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
  pgm.createIndex(table, ['title', 'created_at'], { name: index.name, concurrently: true })
}
