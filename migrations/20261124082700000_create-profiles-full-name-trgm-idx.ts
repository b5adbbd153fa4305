import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  extensionIsInstalled,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'profiles' }
const index = { schema: 'public', name: 'profiles_full_name_trgm_idx' }
const shape = { table, method: 'gin', keys: ['full_name extensions.gin_trgm_ops'] }
const byName = {
  sql: `
    SELECT id, full_name
    FROM public.profiles
    WHERE full_name ILIKE '%valentina torres%'`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why:
    'The support desk finds people by any part of their name. It works as service_role: behind a ' +
    'policy this index would go unused, since ILIKE is not leakproof.',
  rule: 'missing_index',
  before: [
    extensionIsInstalled('pg_trgm'),
    columnsExist(table, ['full_name']),
    indexIsAbsent(index),
    noIndexCovers(shape),
  ],
  after: [indexCovers(shape), planCanUseIndex(byName, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, [{ name: 'full_name', opclass: { schema: 'extensions', name: 'gin_trgm_ops' } }], {
    name: index.name,
    method: 'gin',
    concurrently: true,
  })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
