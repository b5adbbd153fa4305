import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'conversations' }
const index = { schema: 'public', name: 'conversations_booking_id_idx' }
const shape = { table, keys: ['booking_id'] }
const conversationOfBooking = {
  sql: `
    SELECT id
    FROM public.conversations
    WHERE booking_id = '00000000-0000-0000-0000-000000000001'`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why:
    'The foreign key to bookings sets booking_id to NULL when a booking goes, and searches all ' +
    'conversations for it.',
  rule: 'unindexed_foreign_keys',
  before: [columnsExist(table, ['booking_id']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(conversationOfBooking, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['booking_id'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
