import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'payment_intents' }
const index = { schema: 'public', name: 'idx_payment_intents_metadata' }
const definition =
  'CREATE INDEX idx_payment_intents_metadata ON public.payment_intents USING gin (metadata) WITH (fastupdate=off)'

export const optimization: Optimization = {
  why:
    'No statement looks into the metadata; a GIN index is the dearest kind to keep, and every payment ' +
    'pays for it.',
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
  pgm.sql(
    'CREATE INDEX CONCURRENTLY idx_payment_intents_metadata ON public.payment_intents USING gin (metadata) WITH (fastupdate = off)',
  )
}
