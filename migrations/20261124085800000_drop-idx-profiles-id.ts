import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, indexIsValid, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'profiles' }
const index = { schema: 'public', name: 'idx_profiles_id' }
const keeper = { schema: 'public', name: 'profiles_pkey' }
const definition = 'CREATE INDEX idx_profiles_id ON public.profiles USING btree (id)'

export const optimization: Optimization = {
  why: 'The primary key is the same index.',
  rule: 'duplicate_index',
  before: [indexIs(index, definition), indexIsValid(keeper)],
  after: [indexIsAbsent(index), indexIsValid(keeper)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // DROP INDEX CONCURRENTLY cannot run inside one.
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.createIndex(table, ['id'], { name: index.name, concurrently: true })
}
