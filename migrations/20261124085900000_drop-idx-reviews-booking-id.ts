import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, indexIsValid, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'reviews' }
const index = { schema: 'public', name: 'idx_reviews_booking_id' }
const keeper = { schema: 'public', name: 'reviews_booking_id_key' }
const definition = 'CREATE INDEX idx_reviews_booking_id ON public.reviews USING btree (booking_id)'

export const optimization: Optimization = {
  why: 'The unique constraint on booking_id is the same index.',
  rule: 'duplicate_index',
  before: [indexIs(index, definition), indexIsValid(keeper)],
  after: [indexIsAbsent(index), indexIsValid(keeper)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // DROP INDEX CONCURRENTLY cannot run inside one.
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.createIndex(table, ['booking_id'], { name: index.name, concurrently: true })
}
