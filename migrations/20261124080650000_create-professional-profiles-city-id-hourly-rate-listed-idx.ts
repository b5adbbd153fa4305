import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'professional_profiles' }
const index = { schema: 'public', name: 'professional_profiles_city_id_hourly_rate_listed_idx' }
const shape = {
  table,
  keys: ['city_id', 'hourly_rate'],
  where: "(is_active AND (verification_status = 'verified'::text))",
}
const cheapest = {
  sql: `
    SELECT profile_id, headline, hourly_rate
    FROM public.professional_profiles
    WHERE city_id = 1 AND is_active AND verification_status = 'verified' AND hourly_rate <= 20
    ORDER BY hourly_rate
    LIMIT 20`,
  role: 'anon',
}

export const optimization: Optimization = {
  why:
    'Search by price shows the cheapest professionals of one city and sorted all of them, 1,100 pages, even ' +
    'with the index by rating. Here they stand in the order of the page, so that the twentieth ends the scan; ' +
    'behind the policies the comparison of prices stays a filter, since numeric is not leakproof.',
  rule: 'missing_index',
  before: [
    columnsExist(table, ['city_id', 'hourly_rate', 'is_active', 'verification_status']),
    indexIsAbsent(index),
    noIndexCovers(shape),
  ],
  after: [indexCovers(shape), planCanUseIndex(cheapest, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['city_id', 'hourly_rate'], {
    name: index.name,
    where: `is_active AND verification_status = 'verified'`,
    concurrently: true,
  })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
