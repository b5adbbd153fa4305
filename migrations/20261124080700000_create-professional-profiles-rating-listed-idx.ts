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
const index = { schema: 'public', name: 'professional_profiles_rating_listed_idx' }
const shape = {
  table,
  keys: ['rating DESC'],
  where: "(is_active AND (verification_status = 'verified'::text))",
}
const topRated = {
  sql: `
    SELECT profile_id, headline, rating
    FROM public.professional_profiles
    WHERE is_active AND verification_status = 'verified'
    ORDER BY rating DESC, review_count DESC
    LIMIT 12`,
  role: 'anon',
}

export const optimization: Optimization = {
  why:
    'The home page shows the best-rated professionals of all cities and sorts every listing to find ' +
    'twelve.',
  rule: 'missing_index',
  before: [
    columnsExist(table, ['rating', 'is_active', 'verification_status']),
    indexIsAbsent(index),
    noIndexCovers(shape),
  ],
  after: [indexCovers(shape), planCanUseIndex(topRated, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, [{ name: 'rating', sort: 'DESC' }], {
    name: index.name,
    where: `is_active AND verification_status = 'verified'`,
    concurrently: true,
  })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
