import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'messages' }
const index = { schema: 'public', name: 'messages_conversation_id_created_at_idx' }
const shape = { table, keys: ['conversation_id', 'created_at DESC'] }
const latestMessages = {
  sql: `
    SELECT id, sender_id, body
    FROM public.messages
    WHERE conversation_id = '00000000-0000-0000-0000-000000000001'
    ORDER BY created_at DESC
    LIMIT 50`,
  role: 'authenticated',
  claims: { sub: '00000000-0000-0000-0000-000000000001', role: 'authenticated' },
}

export const optimization: Optimization = {
  why:
    'Opening a conversation shows its latest 50 messages and marks them as read: two scans of all ' +
    'messages, 5,190 pages each for seven rows. The index serves the foreign key and the policies ' +
    'that compare conversation_id too.',
  rule: 'missing_index',
  before: [
    columnsExist(table, ['conversation_id', 'created_at']),
    indexIsAbsent(index),
    noIndexCovers(shape),
  ],
  after: [indexCovers(shape), planCanUseIndex(latestMessages, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['conversation_id', { name: 'created_at', sort: 'DESC' }], {
    name: index.name,
    concurrently: true,
  })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
