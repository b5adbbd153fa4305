import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'conversations' }
const index = { schema: 'public', name: 'conversations_created_by_idx' }
const shape = { table, keys: ['created_by'] }
const startedConversations = {
  sql: `
    SELECT id
    FROM public.conversations
    WHERE created_by = '00000000-0000-0000-0000-000000000001'`,
  role: 'authenticated',
  claims: { sub: '00000000-0000-0000-0000-000000000001', role: 'authenticated' },
}

export const optimization: Optimization = {
  why:
    'The policy lets users see the conversations that they started. Without an index on created_by ' +
    "one arm of it reads every row, and so the other arm's index is of no use. It serves the foreign " +
    'key too.',
  rule: 'unindexed_policy_column',
  before: [columnsExist(table, ['created_by']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(startedConversations, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['created_by'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
