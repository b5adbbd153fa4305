import type { MigrationBuilder } from 'node-pg-migrate'
import { fails, holds, sql, tableExists, type Condition, type Optimization } from 'hundredfold'

const tables = [
  'profiles',
  'professional_profiles',
  'availability',
  'bookings',
  'reviews',
  'payment_intents',
  'favorites',
  'conversations',
  'conversation_members',
  'messages',
  'notifications',
  'audit_events',
].map((name) => ({ schema: 'public', name }))

/** An index on an expression has statistics of its own, which only ANALYZE makes. Without rows there are none. */
const expressionsAreAnalyzed: Condition = {
  description: 'the planner has statistics of every expression that an index of public.profiles is on',
  dependsOnData: true,
  async check(db) {
    const { rows: without } = await sql<{ name: string }>`
      SELECT c.relname AS name
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
      LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
      WHERE n.nspname = 'public' AND t.relname = 'profiles' AND i.indexprs IS NOT NULL
        AND s.attname IS NULL AND t.reltuples > 0`.execute(db)
    if (without.length === 0) return holds
    return fails('statistics', `none of ${without.map(({ name }) => name).join(', ')}`)
  },
}

export const optimization: Optimization = {
  why:
    'The new index on lower(email) has no statistics yet, and the others are worth no more than the ' +
    "planner's idea of the rows: ANALYZE takes a sample of each table, seconds in all, and blocks " +
    'nobody.',
  rule: 'stale_statistics',
  before: tables.map(tableExists),
  after: [expressionsAreAnalyzed],
}

export function up(pgm: MigrationBuilder): void {
  for (const { schema, name } of tables) pgm.sql(`ANALYZE ${schema}.${name}`)
}

/** Nothing to take back: statistics describe the rows, not the schema. */
export function down(): void {}
