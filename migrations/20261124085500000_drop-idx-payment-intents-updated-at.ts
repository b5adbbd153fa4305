import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'payment_intents' }
const index = { schema: 'public', name: 'idx_payment_intents_updated_at' }
const definition =
  'CREATE INDEX idx_payment_intents_updated_at ON public.payment_intents USING btree (updated_at)'

export const optimization: Optimization = {
  why:
    'No statement searches by updated_at, and every update of a payment changes it: this one index ' +
    'turned all of them into non-HOT updates, which write to every other index too.',
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
  pgm.createIndex(table, ['updated_at'], { name: index.name, concurrently: true })
}
