import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'messages' }
const index = { schema: 'public', name: 'idx_messages_body' }
const definition = 'CREATE INDEX idx_messages_body ON public.messages USING btree (body)'

export const optimization: Optimization = {
  why:
    'Nobody looks a message up by its whole text; the index repeats every body, and each edit writes ' +
    'it again.',
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
  pgm.createIndex(table, ['body'], { name: index.name, concurrently: true })
}
