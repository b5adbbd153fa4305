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
const index = { schema: 'public', name: 'reviews_professional_id_created_at_idx' }
const shape = {
  table,
  keys: ['professional_id', 'created_at DESC'],
  include: ['rating', 'is_published', 'customer_id'],
}
const summary = {
  sql: `
    SELECT count(*), avg(rating)
    FROM public.reviews
    WHERE professional_id = '00000000-0000-0000-0000-000000000001' AND is_published`,
  role: 'anon',
}

export const optimization: Optimization = {
  why:
    "A professional's page counts the reviews, averages them and shows the latest ten, three scans of " +
    'the table. The included columns are those that the aggregate and the policies read, so that it ' +
    'never visits the table.',
  rule: 'missing_index',
  before: [
    columnsExist(table, ['professional_id', 'created_at', 'rating', 'is_published', 'customer_id']),
    indexIsAbsent(index),
    noIndexCovers(shape),
  ],
  after: [indexCovers(shape), planCanUseIndex(summary, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['professional_id', { name: 'created_at', sort: 'DESC' }], {
    name: index.name,
    include: ['rating', 'is_published', 'customer_id'],
    concurrently: true,
  })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
