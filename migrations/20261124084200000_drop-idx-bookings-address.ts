import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'bookings' }
const index = { schema: 'public', name: 'idx_bookings_address' }
const definition = 'CREATE INDEX idx_bookings_address ON public.bookings USING btree (address)'

export const optimization: Optimization = {
  why:
    'No statement searches by address; the index is among the largest of the table and every new ' +
    'booking pays for it.',
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
  pgm.createIndex(table, ['address'], { name: index.name, concurrently: true })
}
