import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, indexIsValid, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'messages' }
const index = { schema: 'public', name: 'idx_messages_created_at' }
const keeper = { schema: 'public', name: 'messages_created_at_idx' }
const definition = 'CREATE INDEX idx_messages_created_at ON public.messages USING btree (created_at)'

export const optimization: Optimization = {
  why: 'messages_created_at_idx is the same index.',
  rule: 'duplicate_index',
  before: [indexIs(index, definition), indexIsValid(keeper)],
  after: [indexIsAbsent(index), indexIsValid(keeper)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // DROP INDEX CONCURRENTLY cannot run inside one.
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.createIndex(table, ['created_at'], { name: index.name, concurrently: true })
}
