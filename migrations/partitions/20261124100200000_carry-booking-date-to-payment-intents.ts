import type { MigrationBuilder } from 'node-pg-migrate'
import { batched, columnsExist, type Optimization } from 'hundredfold'

export const optimization: Optimization = {
  why:
    'public.bookings is to be partitioned by booking_date. A foreign key to a partitioned table has to ' +
    'contain the key, so public.payment_intents gets a copy of it, which a trigger fills for new rows and ' +
    'batches for those that are there.',
  rule: 'partition_candidate',
  operations: ['partitionTable-f2f459f60958ac95'],
  series: 'partition public.bookings by booking_date',
  before: [
    columnsExist({ schema: 'public', name: 'bookings' }, ['booking_date']),
  ],
  after: [
    columnsExist({ schema: 'public', name: 'payment_intents' }, ['bookings_booking_date']),
  ],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // The backfill commits each batch.
  pgm.sql(`ALTER TABLE "public"."payment_intents" ADD COLUMN "bookings_booking_date" date`)
  pgm.sql(`CREATE FUNCTION "private"."follow_payment_intents_bookings_booking_date"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  PERFORM FROM "public"."bookings" parent WHERE parent."id" = NEW."id" FOR UPDATE;
  UPDATE "public"."payment_intents" child SET "bookings_booking_date" = NEW."booking_date"
  WHERE child."booking_id" = NEW."id" AND child."bookings_booking_date" IS DISTINCT FROM NEW."booking_date";
  RETURN NULL;
END
$$`)
  pgm.sql(`REVOKE ALL ON FUNCTION "private"."follow_payment_intents_bookings_booking_date"() FROM PUBLIC`)
  pgm.sql(`CREATE TRIGGER "zz_follow_payment_intents" AFTER UPDATE ON "public"."bookings" FOR EACH ROW WHEN (OLD."booking_date" IS DISTINCT FROM NEW."booking_date") EXECUTE FUNCTION "private"."follow_payment_intents_bookings_booking_date"()`)
  pgm.sql(`CREATE FUNCTION "private"."fill_payment_intents_bookings_booking_date"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  IF TG_WHEN = 'AFTER' THEN
    RAISE foreign_key_violation USING MESSAGE = 'insert or update on table "payment_intents" violates foreign key constraint "payment_intents_booking_id_fkey"',
      SCHEMA = 'public', TABLE = 'payment_intents', CONSTRAINT = 'payment_intents_booking_id_fkey';
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
  pgm.sql(`REVOKE ALL ON FUNCTION "private"."fill_payment_intents_bookings_booking_date"() FROM PUBLIC`)
  pgm.sql(`CREATE TRIGGER "zz_fill_bookings_booking_date" BEFORE INSERT OR UPDATE OF "booking_id" ON "public"."payment_intents" FOR EACH ROW EXECUTE FUNCTION "private"."fill_payment_intents_bookings_booking_date"()`)
  pgm.sql(`CREATE TRIGGER "zz_refuse_bookings_booking_date" AFTER INSERT OR UPDATE OF "booking_id" ON "public"."payment_intents" FOR EACH ROW WHEN (NEW."bookings_booking_date" = 'infinity') EXECUTE FUNCTION "private"."fill_payment_intents_bookings_booking_date"()`)
  pgm.sql(`CREATE OR REPLACE TRIGGER set_updated_at
  BEFORE UPDATE
  ON public.payment_intents
  FOR EACH ROW
  WHEN (NOT (CURRENT_USER = 'casaora_owner'
    AND (COALESCE(pg_catalog.current_setting('hundredfold.quiet', true), '')) = 'on'))
  EXECUTE PROCEDURE public.set_updated_at()`)
  batched(pgm, {
    table: { schema: 'public', name: 'payment_intents' },
    key: ['id'],
    as: 'child',
    sql: `WITH quiet AS MATERIALIZED (SELECT pg_catalog.set_config('hundredfold.quiet', 'on', true))
UPDATE "public"."payment_intents" AS child SET "bookings_booking_date" = parent."booking_date"
FROM "public"."bookings" parent, quiet
WHERE parent."id" = child."booking_id" AND child."bookings_booking_date" IS NULL AND {batch}`,
  })
  pgm.sql(`CREATE OR REPLACE TRIGGER set_updated_at
  BEFORE UPDATE
  ON public.payment_intents
  FOR EACH ROW
  EXECUTE PROCEDURE public.set_updated_at()`)
  pgm.sql(`ALTER TABLE "public"."payment_intents" ADD CONSTRAINT "payment_intents_bookings_booking_date_check" CHECK (("booking_id" IS NULL) = ("bookings_booking_date" IS NULL)) NOT VALID`)
  pgm.sql(`ALTER TABLE "public"."payment_intents" VALIDATE CONSTRAINT "payment_intents_bookings_booking_date_check"`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.sql(`DROP TRIGGER IF EXISTS "zz_follow_payment_intents" ON "public"."bookings"`)
  pgm.sql(`DROP FUNCTION "private"."follow_payment_intents_bookings_booking_date"()`)
  pgm.sql(`ALTER TABLE "public"."payment_intents" DROP CONSTRAINT "payment_intents_bookings_booking_date_check"`)
  pgm.sql(`DROP TRIGGER "zz_refuse_bookings_booking_date" ON "public"."payment_intents"`)
  pgm.sql(`DROP TRIGGER "zz_fill_bookings_booking_date" ON "public"."payment_intents"`)
  pgm.sql(`DROP FUNCTION "private"."fill_payment_intents_bookings_booking_date"()`)
  pgm.sql(`ALTER TABLE "public"."payment_intents" DROP COLUMN "bookings_booking_date"`)
}
