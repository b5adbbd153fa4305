import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'favorites' }
const index = { schema: 'public', name: 'favorites_professional_id_idx' }
const shape = { table, keys: ['professional_id'] }
const popularity = {
  sql: `
    SELECT count(*)
    FROM public.favorites
    WHERE professional_id = '00000000-0000-0000-0000-000000000001'`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why:
    'How often a professional is a favorite, and the foreign key when one leaves, have only the index ' +
    'that leads on the customer.',
  rule: 'unindexed_foreign_keys',
  before: [columnsExist(table, ['professional_id']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(popularity, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['professional_id'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
