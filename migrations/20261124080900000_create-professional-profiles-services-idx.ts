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
const index = { schema: 'public', name: 'professional_profiles_services_idx' }
const shape = { table, method: 'gin', keys: ['services'] }
const matching = {
  sql: `
    SELECT profile_id
    FROM public.professional_profiles
    WHERE services @> ARRAY['assembly', 'pet_care']`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why:
    'Jobs that match a request to professionals look for several services at once. They run as ' +
    'service_role: behind a policy this index would go unused, since array containment is not ' +
    'leakproof.',
  rule: 'missing_index',
  before: [columnsExist(table, ['services']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(matching, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['services'], { name: index.name, method: 'gin', concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
