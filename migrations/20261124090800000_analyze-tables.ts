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

/** An index on an expression has statistics of its own, which only ANALYZE makes. */
const emailsAreAnalyzed: Condition = {
  description: 'the planner has counted the rows of index public.profiles_lower_email_idx',
  async check(db) {
    const index = await db
      .selectFrom('pg_catalog.pg_class as c')
      .innerJoin('pg_catalog.pg_namespace as n', 'n.oid', 'c.relnamespace')
      .select('c.reltuples')
      .where('n.nspname', '=', 'public')
      .where('c.relname', '=', 'profiles_lower_email_idx')
      .executeTakeFirst()
    if (!index) return fails('an analyzed index', 'no such index')
    return index.reltuples >= 0 ? holds : fails('an analyzed index', 'one that was never analyzed')
  },
}

export const optimization: Optimization = {
  why:
    'The new index on lower(email) has no statistics yet, and the others are worth no more than the ' +
    "planner's idea of the rows: ANALYZE takes a sample of each table, seconds in all, and blocks " +
    'nobody.',
  rule: 'stale_statistics',
  before: tables.map(tableExists),
  after: [emailsAreAnalyzed],
}

export function up(pgm: MigrationBuilder): void {
  for (const { schema, name } of tables) pgm.sql(`ANALYZE ${schema}.${name}`)
}

/** Nothing to take back: statistics describe the rows, not the schema. */
export function down(): void {}
