import type { MigrationBuilder } from 'node-pg-migrate'
import { tableIsPartitionedBy, type Optimization } from 'hundredfold'

export const optimization: Optimization = {
  why:
    'The rows that are there are checked against the foreign keys to public.messages now that it is ' +
    'partitioned, without a lock that anybody notices, and the planner gets statistics of the table as a ' +
    'whole.',
  rule: 'partition_candidate',
  operations: ['partitionTable-c549aa375f20955c'],
  series: 'partition public.messages by created_at',
  before: [
    tableIsPartitionedBy({ schema: 'public', name: 'messages' }, 'created_at'),
  ],
  after: [],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // Each check commits by itself.
  pgm.sql(`DROP INDEX CONCURRENTLY IF EXISTS "public"."messages_id_restored_key"`)
  pgm.sql(`ANALYZE "public"."messages"`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.sql(`CREATE UNIQUE INDEX CONCURRENTLY messages_id_restored_key ON public.messages_history (id)`)
}
