import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'availability' }
const index = { schema: 'public', name: 'availability_professional_id_weekday_idx' }
const shape = { table, keys: ['professional_id', 'weekday'] }
const weeklyHours = {
  sql: `
    SELECT weekday, starts_at, ends_at
    FROM public.availability
    WHERE professional_id = '00000000-0000-0000-0000-000000000001'
    ORDER BY weekday`,
  role: 'authenticated',
  claims: { sub: '00000000-0000-0000-0000-000000000001', role: 'authenticated' },
}

export const optimization: Optimization = {
  why:
    "Every professional's page shows the weekly hours: five rows, found by reading the whole table. " +
    'The index serves the foreign key and the policy too.',
  rule: 'missing_index',
  before: [columnsExist(table, ['professional_id', 'weekday']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(weeklyHours, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['professional_id', 'weekday'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
