import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'messages' }
const index = { schema: 'public', name: 'idx_messages_edited_at' }
const definition = 'CREATE INDEX idx_messages_edited_at ON public.messages USING btree (edited_at)'

export const optimization: Optimization = {
  why:
    'No statement searches by edited_at; one message in 25 is ever edited, so the index holds little ' +
    'but NULL.',
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
  pgm.createIndex(table, ['edited_at'], { name: index.name, concurrently: true })
}
