import type { MigrationBuilder } from 'node-pg-migrate'
import { batched, columnsExist, type Optimization } from 'hundredfold'

export const optimization: Optimization = {
  why:
    'public.bookings is to be partitioned by booking_date. A foreign key to a partitioned table has to ' +
    'contain the key, so public.conversations gets a copy of it, which a trigger fills for new rows and ' +
    'batches for those that are there.',
  rule: 'partition_candidate',
  operations: ['partitionTable-88634a5679f7e105'],
  series: 'partition public.bookings by booking_date',
  before: [
    columnsExist({ schema: 'public', name: 'bookings' }, ['booking_date']),
  ],
  after: [
    columnsExist({ schema: 'public', name: 'conversations' }, ['bookings_booking_date']),
  ],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // The backfill commits each batch.
  pgm.sql(`ALTER TABLE "public"."conversations" ADD COLUMN "bookings_booking_date" date`)
  pgm.sql(`CREATE FUNCTION "private"."follow_conversations_bookings_booking_date"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  PERFORM FROM "public"."bookings" parent WHERE parent."id" = NEW."id" FOR UPDATE;
  UPDATE "public"."conversations" child SET "bookings_booking_date" = NEW."booking_date"
  WHERE child."booking_id" = NEW."id" AND child."bookings_booking_date" IS DISTINCT FROM NEW."booking_date";
  RETURN NULL;
END
$$`)
  pgm.sql(`REVOKE ALL ON FUNCTION "private"."follow_conversations_bookings_booking_date"() FROM PUBLIC`)
  pgm.sql(`CREATE TRIGGER "zz_follow_conversations" AFTER UPDATE ON "public"."bookings" FOR EACH ROW WHEN (OLD."booking_date" IS DISTINCT FROM NEW."booking_date") EXECUTE FUNCTION "private"."follow_conversations_bookings_booking_date"()`)
  pgm.sql(`CREATE FUNCTION "private"."fill_conversations_bookings_booking_date"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  IF TG_WHEN = 'AFTER' THEN
    RAISE foreign_key_violation USING MESSAGE = 'insert or update on table "conversations" violates foreign key constraint "conversations_booking_id_fkey"',
      SCHEMA = 'public', TABLE = 'conversations', CONSTRAINT = 'conversations_booking_id_fkey';
  END IF;
  IF NEW."booking_id" IS NULL THEN
    NEW."bookings_booking_date" := NULL;
    RETURN NEW;
  END IF;
  SELECT parent."booking_date" INTO NEW."bookings_booking_date"
  FROM "public"."bookings" parent WHERE parent."id" = NEW."booking_id" FOR KEY SHARE;
  IF NOT FOUND THEN
    NEW."bookings_booking_date" := 'infinity';
  END IF;
  RETURN NEW;
END
$$`)
  pgm.sql(`REVOKE ALL ON FUNCTION "private"."fill_conversations_bookings_booking_date"() FROM PUBLIC`)
  pgm.sql(`CREATE TRIGGER "zz_fill_bookings_booking_date" BEFORE INSERT OR UPDATE OF "booking_id" ON "public"."conversations" FOR EACH ROW EXECUTE FUNCTION "private"."fill_conversations_bookings_booking_date"()`)
  pgm.sql(`CREATE TRIGGER "zz_refuse_bookings_booking_date" AFTER INSERT OR UPDATE OF "booking_id" ON "public"."conversations" FOR EACH ROW WHEN (NEW."bookings_booking_date" = 'infinity') EXECUTE FUNCTION "private"."fill_conversations_bookings_booking_date"()`)
  batched(pgm, {
    table: { schema: 'public', name: 'conversations' },
    key: ['id'],
    as: 'child',
    sql: `UPDATE "public"."conversations" AS child SET "bookings_booking_date" = parent."booking_date"
FROM "public"."bookings" parent
WHERE parent."id" = child."booking_id" AND child."bookings_booking_date" IS NULL AND {batch}`,
  })
  pgm.sql(`ALTER TABLE "public"."conversations" ADD CONSTRAINT "conversations_bookings_booking_date_check" CHECK (("booking_id" IS NULL) = ("bookings_booking_date" IS NULL)) NOT VALID`)
  pgm.sql(`ALTER TABLE "public"."conversations" VALIDATE CONSTRAINT "conversations_bookings_booking_date_check"`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.sql(`DROP TRIGGER IF EXISTS "zz_follow_conversations" ON "public"."bookings"`)
  pgm.sql(`DROP FUNCTION "private"."follow_conversations_bookings_booking_date"()`)
  pgm.sql(`ALTER TABLE "public"."conversations" DROP CONSTRAINT "conversations_bookings_booking_date_check"`)
  pgm.sql(`DROP TRIGGER "zz_refuse_bookings_booking_date" ON "public"."conversations"`)
  pgm.sql(`DROP TRIGGER "zz_fill_bookings_booking_date" ON "public"."conversations"`)
  pgm.sql(`DROP FUNCTION "private"."fill_conversations_bookings_booking_date"()`)
  pgm.sql(`ALTER TABLE "public"."conversations" DROP COLUMN "bookings_booking_date"`)
}
