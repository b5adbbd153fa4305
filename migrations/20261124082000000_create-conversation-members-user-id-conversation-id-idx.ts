import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  indexCovers,
  indexIsAbsent,
  noIndexCovers,
  planCanUseIndex,
  type Optimization,
} from 'hundredfold'

const table = { schema: 'public', name: 'conversation_members' }
const index = { schema: 'public', name: 'conversation_members_user_id_conversation_id_idx' }
const shape = { table, keys: ['user_id', 'conversation_id'] }
const ownConversations = {
  sql: `
    SELECT conversation_id
    FROM public.conversation_members
    WHERE user_id = '00000000-0000-0000-0000-000000000001'`,
  role: 'service_role',
}

export const optimization: Optimization = {
  why:
    'Which conversations am I in? The primary key leads on the conversation, so that the answer read ' +
    'the whole table. The index holds both columns and answers alone; it serves the foreign key and ' +
    "the policies' helper too.",
  rule: 'unindexed_policy_column',
  before: [columnsExist(table, ['user_id', 'conversation_id']), indexIsAbsent(index), noIndexCovers(shape)],
  after: [indexCovers(shape), planCanUseIndex(ownConversations, shape)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.createIndex(table, ['user_id', 'conversation_id'], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}
