import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'profiles' }
const index = { schema: 'public', name: 'profiles_lower_email_idx' }
const shape = { table, keys: ['lower(email)'] }
const byEmail = {
  sql: `
    SELECT id, full_name
    FROM public.profiles
    WHERE lower(email) = 'customer1@casaora.example'`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why:
    'The support desk finds people by their address whatever its case; the unique index on email ' +
    'cannot answer for lower(email).',
  rule: 'missing_index',
  before: [columnsExist(table, ['email']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(byEmail, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['lower(email)'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
