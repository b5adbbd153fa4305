import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'payment_intents' }
const index = { schema: 'public', name: 'idx_payment_intents_currency_updated_at' }
const definition =
  'CREATE INDEX idx_payment_intents_currency_updated_at ON public.payment_intents USING btree (currency, updated_at)'

export const optimization: Optimization = {
  why:
    'A report that is gone read payments by currency. Every update of a payment changes updated_at, ' +
    'and so writes to every index of the table.',
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
  pgm.createIndex(table, ['currency', 'updated_at'], { name: index.name, concurrently: true })
}
