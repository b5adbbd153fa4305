import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'messages' }
const index = { schema: 'public', name: 'idx_messages_attachments' }
const definition = 'CREATE INDEX idx_messages_attachments ON public.messages USING gin (attachments)'

export const optimization: Optimization = {
  why:
    'No statement looks into attachments; a GIN index is the dearest kind to keep, and every message ' +
    'pays for it.',
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
  pgm.createIndex(table, ['attachments'], { name: index.name, method: 'gin', concurrently: true })
}
