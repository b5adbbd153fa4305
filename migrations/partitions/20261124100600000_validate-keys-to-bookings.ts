import type { MigrationBuilder } from 'node-pg-migrate'
import { tableIsPartitionedBy, type Optimization } from 'hundredfold'

export const optimization: Optimization = {
  why:
    'The rows that are there are checked against the foreign keys to public.bookings now that it is ' +
    'partitioned, without a lock that anybody notices, and the planner gets statistics of the table as a ' +
    'whole.',
  rule: 'partition_candidate',
  operations: ['partitionTable-5e40fa8508057fb4'],
  series: 'partition public.bookings by booking_date',
  before: [
    tableIsPartitionedBy({ schema: 'public', name: 'bookings' }, 'booking_date'),
  ],
  after: [],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // Each check commits by itself.
  pgm.sql(`DROP INDEX CONCURRENTLY IF EXISTS "public"."bookings_id_restored_key"`)
  pgm.sql(`ALTER TABLE "public"."conversations" VALIDATE CONSTRAINT "conversations_booking_id_fkey"`)
  pgm.sql(`ALTER TABLE "public"."payment_intents" VALIDATE CONSTRAINT "payment_intents_booking_id_fkey"`)
  pgm.sql(`ALTER TABLE "public"."reviews" VALIDATE CONSTRAINT "reviews_booking_id_fkey"`)
  pgm.sql(`ANALYZE "public"."bookings"`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.sql(`DO $$
DECLARE
  found text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = '"public"."bookings"'::pg_catalog.regclass AND inhrelid = pg_catalog.to_regclass('"public"."bookings_history"')) THEN
    RAISE EXCEPTION USING MESSAGE = 'public.bookings_history is no longer a partition of public.bookings, so this cannot become a table again: attach it with its former bounds; if it was dropped, there is no way back';
  END IF;
  SELECT pg_catalog.string_agg(other.what, '; ' ORDER BY other.what) INTO found FROM (
    SELECT class.oid::pg_catalog.regclass || ' is no plain table' AS what
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = '"public"."bookings"'::pg_catalog.regclass AND class.relkind <> 'r'
    UNION ALL
    SELECT class.oid::pg_catalog.regclass || ' belongs to ' || pg_catalog.pg_get_userbyid(class.relowner)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = '"public"."bookings"'::pg_catalog.regclass AND NOT pg_catalog.pg_has_role(class.relowner, 'USAGE')
    UNION ALL
    SELECT pg_catalog.format('foreign key %I of %s points to %s', conname, conrelid::pg_catalog.regclass, confrelid::pg_catalog.regclass)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_constraint ON confrelid = inhrelid AND contype = 'f' AND conparentid = 0
    WHERE inhparent = '"public"."bookings"'::pg_catalog.regclass
    UNION ALL
    SELECT pg_catalog.format('trigger %I is on %s alone', tgname, tgrelid::pg_catalog.regclass)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_trigger ON tgrelid = inhrelid AND NOT tgisinternal AND tgparentid = 0
    WHERE inhparent = '"public"."bookings"'::pg_catalog.regclass AND inhrelid IS DISTINCT FROM pg_catalog.to_regclass('"public"."bookings_history"')
    UNION ALL
    SELECT pg_catalog.format('%s reads %s alone', pg_catalog.pg_describe_object(depend.classid, depend.objid, 0),
      class.oid::pg_catalog.regclass)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    JOIN pg_catalog.pg_depend depend ON depend.deptype = 'n'
      AND depend.classid IN ('pg_catalog.pg_rewrite'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
        'pg_catalog.pg_policy'::pg_catalog.regclass)
      AND (depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND depend.refobjid = class.oid
        OR depend.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND depend.refobjid = class.reltype)
    WHERE inhparent = '"public"."bookings"'::pg_catalog.regclass AND inhrelid IS DISTINCT FROM pg_catalog.to_regclass('"public"."bookings_history"')
  ) other;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION USING MESSAGE = 'public.bookings cannot become a table again, since somebody has changed its partitions: ' || found
      || '. Take that back first; nothing was changed';
  END IF;
END
$$`)
  pgm.sql(`CREATE UNIQUE INDEX CONCURRENTLY bookings_id_restored_key ON public.bookings_history (id)`)
}
