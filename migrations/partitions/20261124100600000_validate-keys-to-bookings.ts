import type { MigrationBuilder } from 'node-pg-migrate'
import { tableIsPartitionedBy, type Optimization } from 'hundredfold'

export const optimization: Optimization = {
  why:
    'The rows that are there are checked against the foreign keys to public.bookings now that it is ' +
    'partitioned, without a lock that anybody notices, and the planner gets statistics of the table as a ' +
    'whole.',
  rule: 'partition_candidate',
  operations: ['partitionTable-5e40fa8508057fb4'],
  series: 'partition public.bookings by booking_date',
  before: [
    tableIsPartitionedBy({ schema: 'public', name: 'bookings' }, 'booking_date'),
  ],
  after: [],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // Each check commits by itself.
  pgm.sql(`DROP INDEX CONCURRENTLY IF EXISTS "public"."bookings_id_restored_key"`)
  pgm.sql(`ALTER TABLE "public"."conversations" VALIDATE CONSTRAINT "conversations_booking_id_fkey"`)
  pgm.sql(`ALTER TABLE "public"."payment_intents" VALIDATE CONSTRAINT "payment_intents_booking_id_fkey"`)
  pgm.sql(`ALTER TABLE "public"."reviews" VALIDATE CONSTRAINT "reviews_booking_id_fkey"`)
  pgm.sql(`ANALYZE "public"."bookings"`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.sql(`CREATE UNIQUE INDEX CONCURRENTLY bookings_id_restored_key ON public.bookings_history (id)`)
}
