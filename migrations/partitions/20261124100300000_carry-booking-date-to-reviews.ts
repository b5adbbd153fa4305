import type { MigrationBuilder } from 'node-pg-migrate'
import { batched, columnsExist, type Optimization } from 'hundredfold'

export const optimization: Optimization = {
  why:
    'public.bookings is to be partitioned by booking_date. A foreign key to a partitioned table has to ' +
    'contain the key, so public.reviews gets a copy of it, which a trigger fills for new rows and batches ' +
    'for those that are there.',
  rule: 'partition_candidate',
  operations: ['partitionTable-09ea28638f8ecb02'],
  series: 'partition public.bookings by booking_date',
  before: [
    columnsExist({ schema: 'public', name: 'bookings' }, ['booking_date']),
  ],
  after: [
    columnsExist({ schema: 'public', name: 'reviews' }, ['bookings_booking_date']),
  ],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // The backfill commits each batch.
  pgm.sql(`ALTER TABLE "public"."reviews" ADD COLUMN "bookings_booking_date" date`)
  pgm.sql(`CREATE FUNCTION "private"."follow_reviews_bookings_booking_date"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  PERFORM FROM "public"."bookings" parent WHERE parent."id" = NEW."id" FOR UPDATE;
  UPDATE "public"."reviews" child SET "bookings_booking_date" = NEW."booking_date"
  WHERE child."booking_id" = NEW."id" AND child."bookings_booking_date" IS DISTINCT FROM NEW."booking_date";
  RETURN NULL;
END
$$`)
  pgm.sql(`REVOKE ALL ON FUNCTION "private"."follow_reviews_bookings_booking_date"() FROM PUBLIC`)
  pgm.sql(`CREATE TRIGGER "zz_follow_reviews" AFTER UPDATE ON "public"."bookings" FOR EACH ROW WHEN (OLD."booking_date" IS DISTINCT FROM NEW."booking_date") EXECUTE FUNCTION "private"."follow_reviews_bookings_booking_date"()`)
  pgm.sql(`CREATE FUNCTION "private"."fill_reviews_bookings_booking_date"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  IF TG_WHEN = 'AFTER' THEN
    RAISE foreign_key_violation USING MESSAGE = 'insert or update on table "reviews" violates foreign key constraint "reviews_booking_id_fkey"',
      SCHEMA = 'public', TABLE = 'reviews', CONSTRAINT = 'reviews_booking_id_fkey';
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
  pgm.sql(`REVOKE ALL ON FUNCTION "private"."fill_reviews_bookings_booking_date"() FROM PUBLIC`)
  pgm.sql(`CREATE TRIGGER "zz_fill_bookings_booking_date" BEFORE INSERT OR UPDATE OF "booking_id" ON "public"."reviews" FOR EACH ROW EXECUTE FUNCTION "private"."fill_reviews_bookings_booking_date"()`)
  pgm.sql(`CREATE TRIGGER "zz_refuse_bookings_booking_date" AFTER INSERT OR UPDATE OF "booking_id" ON "public"."reviews" FOR EACH ROW WHEN (NEW."bookings_booking_date" = 'infinity') EXECUTE FUNCTION "private"."fill_reviews_bookings_booking_date"()`)
  batched(pgm, {
    table: { schema: 'public', name: 'reviews' },
    key: ['id'],
    as: 'child',
    sql: `UPDATE "public"."reviews" AS child SET "bookings_booking_date" = parent."booking_date"
FROM "public"."bookings" parent
WHERE parent."id" = child."booking_id" AND child."bookings_booking_date" IS NULL AND {batch}`,
  })
  pgm.sql(`ALTER TABLE "public"."reviews" ADD CONSTRAINT "reviews_bookings_booking_date_check" CHECK (("booking_id" IS NULL) = ("bookings_booking_date" IS NULL)) NOT VALID`)
  pgm.sql(`ALTER TABLE "public"."reviews" VALIDATE CONSTRAINT "reviews_bookings_booking_date_check"`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.sql(`DROP TRIGGER IF EXISTS "zz_follow_reviews" ON "public"."bookings"`)
  pgm.sql(`DROP FUNCTION "private"."follow_reviews_bookings_booking_date"()`)
  pgm.sql(`ALTER TABLE "public"."reviews" DROP CONSTRAINT "reviews_bookings_booking_date_check"`)
  pgm.sql(`DROP TRIGGER "zz_refuse_bookings_booking_date" ON "public"."reviews"`)
  pgm.sql(`DROP TRIGGER "zz_fill_bookings_booking_date" ON "public"."reviews"`)
  pgm.sql(`DROP FUNCTION "private"."fill_reviews_bookings_booking_date"()`)
  pgm.sql(`ALTER TABLE "public"."reviews" DROP COLUMN "bookings_booking_date"`)
}
