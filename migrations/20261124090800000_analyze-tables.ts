import type { MigrationBuilder } from 'node-pg-migrate'
import { fails, holds, tableExists, type Condition, type Optimization } from 'hundredfold'

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
    const indexes = await db
      .selectFrom('pg_catalog.pg_index as i')
      .innerJoin('pg_catalog.pg_class as c', 'c.oid', 'i.indexrelid')
      .innerJoin('pg_catalog.pg_class as t', 't.oid', 'i.indrelid')
      .innerJoin('pg_catalog.pg_namespace as n', 'n.oid', 't.relnamespace')
      .leftJoin('pg_catalog.pg_stats as s', (join) =>
        join.onRef('s.schemaname', '=', 'n.nspname').onRef('s.tablename', '=', 'c.relname'),
      )
      .select(['c.relname as name', 's.attname as analyzed', 't.reltuples as rows'])
      .where('n.nspname', '=', 'public')
      .where('t.relname', '=', 'profiles')
      .where('i.indexprs', 'is not', null)
      .execute()
    const without = indexes.filter(({ analyzed, rows }) => analyzed === null && rows > 0)
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
