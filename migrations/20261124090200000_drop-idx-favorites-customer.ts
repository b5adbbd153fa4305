import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, indexIsValid, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'favorites' }
const index = { schema: 'public', name: 'idx_favorites_customer' }
const keeper = { schema: 'public', name: 'favorites_customer_id_professional_id_key' }
const definition = 'CREATE INDEX idx_favorites_customer ON public.favorites USING btree (customer_id)'

export const optimization: Optimization = {
  why: 'Two other indexes lead on customer_id and answer whatever this one does.',
  rule: 'redundant_index',
  before: [indexIs(index, definition), indexIsValid(keeper)],
  after: [indexIsAbsent(index), indexIsValid(keeper)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // DROP INDEX CONCURRENTLY cannot run inside one.
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.createIndex(table, ['customer_id'], { name: index.name, concurrently: true })
}
