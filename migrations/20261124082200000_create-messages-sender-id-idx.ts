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
const index = { schema: 'public', name: 'messages_sender_id_idx' }
const shape = { table, keys: ['sender_id'] }
const sentMessages = {
  sql: `
    SELECT id
    FROM public.messages
    WHERE sender_id = '00000000-0000-0000-0000-000000000001'`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why: 'When somebody closes the account, the foreign key searches all messages for that sender.',
  rule: 'unindexed_foreign_keys',
  before: [columnsExist(table, ['sender_id']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(sentMessages, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['sender_id'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
