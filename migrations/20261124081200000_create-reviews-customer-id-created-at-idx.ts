import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'reviews' }
const index = { schema: 'public', name: 'reviews_customer_id_created_at_idx' }
const shape = { table, keys: ['customer_id', 'created_at DESC'] }
const ownReviews = {
  sql: `
    SELECT id, rating, comment
    FROM public.reviews
    WHERE customer_id = '00000000-0000-0000-0000-000000000001'
    ORDER BY created_at DESC
    LIMIT 20`,
  role: 'authenticated',
  claims: { sub: '00000000-0000-0000-0000-000000000001', role: 'authenticated' },
}

export const optimization: Optimization = {
  why:
    'Customers list their own reviews, newest first. The index serves the foreign key and the policy ' +
    'that compares customer_id too.',
  rule: 'missing_index',
  before: [columnsExist(table, ['customer_id', 'created_at']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(ownReviews, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['customer_id', { name: 'created_at', sort: 'DESC' }], {
    name: index.name,
    concurrently: true,
  })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
