import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'bookings' }
const index = { schema: 'public', name: 'bookings_customer_id_booking_date_idx' }
const shape = { table, keys: ['customer_id', 'booking_date'] }
const latestBookings = {
  sql: `
    SELECT id, service, status, booking_date
    FROM public.bookings
    WHERE customer_id = '00000000-0000-0000-0000-000000000001'
    ORDER BY booking_date DESC
    LIMIT 20`,
  role: 'authenticated',
  claims: { sub: '00000000-0000-0000-0000-000000000001', role: 'authenticated' },
}

export const optimization: Optimization = {
  why:
    "A customer's own bookings, newest first, cost a scan of all bookings: 5,207 pages for the latest " +
    '20. The index returns them in order, and serves the foreign key and the policy that compares ' +
    'customer_id.',
  rule: 'missing_index',
  before: [columnsExist(table, ['customer_id', 'booking_date']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(latestBookings, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['customer_id', 'booking_date'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
