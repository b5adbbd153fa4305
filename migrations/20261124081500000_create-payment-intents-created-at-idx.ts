import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'payment_intents' }
const index = { schema: 'public', name: 'payment_intents_created_at_idx' }
const shape = { table, keys: ['created_at'] }
const unsettled = {
  sql: `
    SELECT id, provider_intent_id
    FROM public.payment_intents
    WHERE created_at >= '2026-11-23' AND status = 'processing'`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why:
    'Revenue of the last days and payments that have not settled are ranges of time at the end of the ' +
    'table. `status` is left to the filter: every payment changes it.',
  rule: 'missing_index',
  before: [columnsExist(table, ['created_at']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(unsettled, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['created_at'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
