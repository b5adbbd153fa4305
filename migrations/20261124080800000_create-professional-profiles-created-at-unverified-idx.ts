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
const index = { schema: 'public', name: 'professional_profiles_created_at_unverified_idx' }
const shape = {
  table,
  keys: ['created_at'],
  where: "(verification_status = ANY (ARRAY['pending'::text, 'in_review'::text]))",
}
const verificationQueue = {
  sql: `
    SELECT profile_id, headline
    FROM public.professional_profiles
    WHERE verification_status IN ('pending', 'in_review')
    ORDER BY created_at
    LIMIT 50`,
  role: 'authenticated',
  claims: { sub: '00000000-0000-0000-0000-000000000001', role: 'authenticated' },
}

export const optimization: Optimization = {
  why:
    'The verification queue takes the oldest of those who are not verified yet, one listing in four, ' +
    'and sorted them all each time: 16,109 pages.',
  rule: 'missing_index',
  before: [
    columnsExist(table, ['created_at', 'verification_status']),
    indexIsAbsent(index),
    noIndexCovers(shape),
  ],
  after: [indexCovers(shape), planCanUseIndex(verificationQueue, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['created_at'], {
    name: index.name,
    where: `verification_status IN ('pending', 'in_review')`,
    concurrently: true,
  })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
