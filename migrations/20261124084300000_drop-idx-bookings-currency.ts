import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'bookings' }
const index = { schema: 'public', name: 'idx_bookings_currency' }
const definition = 'CREATE INDEX idx_bookings_currency ON public.bookings USING btree (currency)'

export const optimization: Optimization = {
  why:
    'Four currencies: no statement is selective enough to use the index, and none searches by ' +
    'currency alone.',
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
  pgm.createIndex(table, ['currency'], { name: index.name, concurrently: true })
}
