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
const index = { schema: 'public', name: 'favorites_customer_id_created_at_idx' }
const shape = { table, keys: ['customer_id', 'created_at DESC'] }
const latestFavorites = {
  sql: `
    SELECT professional_id
    FROM public.favorites
    WHERE customer_id = '00000000-0000-0000-0000-000000000001' AND created_at >= '2026-11-01'
    ORDER BY created_at DESC
    LIMIT 20`,
  role: 'authenticated',
  claims: { sub: '00000000-0000-0000-0000-000000000001', role: 'authenticated' },
}

export const optimization: Optimization = {
  why:
    'The list of favorites shows the latest twenty; with the order in the index it joins twenty ' +
    'listings instead of all.',
  rule: 'missing_index',
  before: [columnsExist(table, ['customer_id', 'created_at']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(latestFavorites, shape)],
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
