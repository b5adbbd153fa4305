import type { MigrationBuilder } from 'node-pg-migrate'
import { columnIsBelow, constraintIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'bookings' }

export const optimization: Optimization = {
  why:
    'public.bookings is to be partitioned by booking_date. The rows that are there stay where they are and ' +
    "become the partition below '2027-03-01'; with this check PostgreSQL need not read them for it. Until " +
    "then, rows from '2027-03-01' on are refused.",
  rule: 'partition_candidate',
  operations: ['partitionTable-1b8efa52e772595a'],
  series: 'partition public.bookings by booking_date',
  before: [
    constraintIsAbsent(table, 'bookings_booking_date_bound'),
    columnIsBelow(table, 'booking_date', '2027-03-01'),
  ],
  after: [],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // VALIDATE reads the whole table, and must not hold the lock of ADD CONSTRAINT meanwhile.
  pgm.sql(`ALTER TABLE "public"."bookings" ADD CONSTRAINT "bookings_booking_date_bound" CHECK ("booking_date" IS NOT NULL AND "booking_date" < '2027-03-01') NOT VALID`)
  pgm.sql(`ALTER TABLE "public"."bookings" VALIDATE CONSTRAINT "bookings_booking_date_bound"`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.sql(`ALTER TABLE "public"."bookings" DROP CONSTRAINT IF EXISTS "bookings_booking_date_bound"`)
}
