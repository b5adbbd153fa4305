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
const index = { schema: 'public', name: 'bookings_booking_date_idx' }
const shape = { table, keys: ['booking_date'] }
const reminders = {
  sql: `
    SELECT id, customer_id, start_time
    FROM public.bookings
    WHERE booking_date = '2026-12-01' AND status = 'confirmed'`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why:
    "Reminders, the day's jobs and the administrators' dashboard ask for one day of all bookings, " +
    'upcoming bookings for the days to come: one or two rows in a hundred, found by reading all.',
  rule: 'missing_index',
  before: [columnsExist(table, ['booking_date']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(reminders, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['booking_date'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
