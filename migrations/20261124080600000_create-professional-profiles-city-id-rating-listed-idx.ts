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
const index = { schema: 'public', name: 'professional_profiles_city_id_rating_listed_idx' }
const shape = {
  table,
  keys: ['city_id', 'rating DESC'],
  where: "(is_active AND (verification_status = 'verified'::text))",
}
const search = {
  sql: `
    SELECT profile_id, headline, hourly_rate
    FROM public.professional_profiles
    WHERE city_id = 1 AND is_active AND verification_status = 'verified'
    ORDER BY rating DESC, review_count DESC
    LIMIT 20`,
  role: 'anon',
}

export const optimization: Optimization = {
  why:
    'Search shows the best-rated professionals of one city who are verified and active. The index ' +
    'holds just those, in the order of the page, so that 20 rows cost 20 rows. Ties of the rating are ' +
    'sorted as they come; review_count is left out, since every new review changes it.',
  rule: 'missing_index',
  before: [
    columnsExist(table, ['city_id', 'rating', 'is_active', 'verification_status']),
    indexIsAbsent(index),
    noIndexCovers(shape),
  ],
  after: [indexCovers(shape), planCanUseIndex(search, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['city_id', { name: 'rating', sort: 'DESC' }], {
    name: index.name,
    where: `is_active AND verification_status = 'verified'`,
    concurrently: true,
  })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
