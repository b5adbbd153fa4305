import type { MigrationBuilder } from 'node-pg-migrate'
import { columnIsBelow, constraintIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'messages' }

export const optimization: Optimization = {
  why:
    'public.messages is to be partitioned by created_at. The rows that are there stay where they are and ' +
    "become the partition below '2027-03-01 00:00:00+00'; with this check PostgreSQL need not read them " +
    "for it. Until then, rows from '2027-03-01 00:00:00+00' on are refused.",
  rule: 'partition_candidate',
  operations: ['partitionTable-22470058525a6bf5'],
  series: 'partition public.messages by created_at',
  before: [
    constraintIsAbsent(table, 'messages_created_at_bound'),
    columnIsBelow(table, 'created_at', '2027-03-01 00:00:00+00'),
  ],
  after: [],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // VALIDATE reads the whole table, and must not hold the lock of ADD CONSTRAINT meanwhile.
  pgm.sql(`ALTER TABLE "public"."messages" ADD CONSTRAINT "messages_created_at_bound" CHECK ("created_at" IS NOT NULL AND "created_at" < '2027-03-01 00:00:00+00') NOT VALID`)
  pgm.sql(`ALTER TABLE "public"."messages" VALIDATE CONSTRAINT "messages_created_at_bound"`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.sql(`ALTER TABLE "public"."messages" DROP CONSTRAINT IF EXISTS "messages_created_at_bound"`)
}
