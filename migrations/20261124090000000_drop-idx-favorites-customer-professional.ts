import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, indexIsValid, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'favorites' }
const index = { schema: 'public', name: 'idx_favorites_customer_professional' }
const keeper = { schema: 'public', name: 'favorites_customer_id_professional_id_key' }
const definition =
  'CREATE INDEX idx_favorites_customer_professional ON public.favorites USING btree (customer_id, professional_id)'

export const optimization: Optimization = {
  why: 'The unique constraint on the two columns is the same index.',
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
  pgm.createIndex(table, ['customer_id', 'professional_id'], { name: index.name, concurrently: true })
}
