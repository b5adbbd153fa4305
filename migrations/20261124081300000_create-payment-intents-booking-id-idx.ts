import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'payment_intents' }
const index = { schema: 'public', name: 'payment_intents_booking_id_idx' }
const shape = { table, keys: ['booking_id'] }
const paymentsOfBooking = {
  sql: `
    SELECT id, amount_cents, status
    FROM public.payment_intents
    WHERE booking_id = '00000000-0000-0000-0000-000000000001'`,
  role: 'authenticated',
  claims: { sub: '00000000-0000-0000-0000-000000000001', role: 'authenticated' },
}

export const optimization: Optimization = {
  why:
    'The payments of one booking, and every join from bookings to payments, read the whole table: ' +
    '4,497 pages for one row. The foreign key has no index either.',
  rule: 'unindexed_foreign_keys',
  before: [columnsExist(table, ['booking_id']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(paymentsOfBooking, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['booking_id'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
