import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'notifications' }
const index = { schema: 'public', name: 'notifications_user_id_created_at_idx' }
const shape = { table, keys: ['user_id', 'created_at DESC'] }
const latestNotifications = {
  sql: `
    SELECT id, kind, title
    FROM public.notifications
    WHERE user_id = '00000000-0000-0000-0000-000000000001'
    ORDER BY created_at DESC
    LIMIT 30`,
  role: 'authenticated',
  claims: { sub: '00000000-0000-0000-0000-000000000001', role: 'authenticated' },
}

export const optimization: Optimization = {
  why:
    'The bell in the corner counts unread notifications on every page view, and scans the table for ' +
    "it. `read_at` is left to the filter: every notification's one update sets it, and an index with " +
    'it in the predicate would forbid HOT updates. The index serves the foreign key and the policies ' +
    'too.',
  rule: 'missing_index',
  before: [columnsExist(table, ['user_id', 'created_at']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(latestNotifications, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['user_id', { name: 'created_at', sort: 'DESC' }], {
    name: index.name,
    concurrently: true,
  })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
