import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIsAbsent, tableKeeps, type Optimization } from 'hundredfold'

export const optimization: Optimization = {
  why:
    'The unique constraints of a partitioned table contain its key, booking_date: their indexes are built ' +
    'before public.bookings changes. The procedure is for the way back: it moves rows out of the ' +
    'partitions, in short transactions.',
  rule: 'partition_candidate',
  operations: ['partitionTable-8eb37b2f41fa63ad'],
  series: 'partition public.bookings by booking_date',
  before: [
    indexIsAbsent({ schema: 'public', name: 'bookings_id_booking_date_key' }),
    tableKeeps(
      { schema: 'public', name: 'bookings' },
      {
        table: '03121607449c',
        columns: '08009dd7d13d',
        checks: '7ff2ff021d6d',
        'foreign keys': '734a8f79f614',
        'keys of other tables': 'df4e83f30a9f',
        triggers: '0ae81b7b54a7',
        policies: '4b1a165c062f',
        privileges: 'e1a01fde1d48',
        publications: '4f53cda18c2b',
        views: '4f53cda18c2b',
        'materialized views': '4f53cda18c2b',
        'policies of other tables': 'b4d262650a42',
        functions: '4f53cda18c2b',
        statistics: '270224aea32a',
        sequences: '4f53cda18c2b',
      },
      'booking_date',
      [
        'bookings_booking_date_bound',
        'zz_follow_conversations',
        'zz_follow_payment_intents',
        'zz_follow_reviews',
      ],
    ),
  ],
  after: [],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // CREATE INDEX CONCURRENTLY cannot run inside one.
  pgm.sql(`CREATE UNIQUE INDEX CONCURRENTLY bookings_id_booking_date_key ON public.bookings (id, booking_date)`)
  pgm.sql(`CREATE PROCEDURE "private"."take_back_bookings"() LANGUAGE plpgsql AS $$
DECLARE
  child pg_catalog.regclass;
  last pg_catalog.regclass;
  page bigint;
  pages bigint := 1;
  began timestamptz;
  spent double precision;
  has_rows boolean;
  attempt integer := 0;
  is_behind boolean;
  share double precision;
  looked timestamptz;
BEGIN
  LOOP
    IF (looked IS NULL OR pg_catalog.clock_timestamp() > looked + interval '1 second') AND coalesce(nullif(pg_catalog.current_setting('hundredfold.max_replica_lag_ms', true), '')::float8, 1000) > 0 THEN
      share := 1;
      LOOP
        BEGIN
          SELECT EXISTS (
            SELECT FROM (
              SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn) AS bytes,
                extract(epoch FROM greatest(write_lag, replay_lag)) * 1000 AS ms
              FROM pg_catalog.pg_stat_replication
              WHERE state IN ('streaming', 'catchup') AND replay_lsn IS NOT NULL
              UNION ALL
              SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), coalesce(confirmed_flush_lsn, restart_lsn)), NULL
              FROM pg_catalog.pg_replication_slots
              WHERE active AND coalesce(confirmed_flush_lsn, restart_lsn) IS NOT NULL
            ) replica
            WHERE bytes > 67108864 * share OR ms > coalesce(nullif(pg_catalog.current_setting('hundredfold.max_replica_lag_ms', true), '')::float8, 1000) * share AND bytes > 1048576
          ) INTO is_behind;
        EXCEPTION WHEN OTHERS THEN
          -- Some services have no write-ahead log to ask for.
          is_behind := false;
        END;
        COMMIT;
        EXIT WHEN NOT is_behind;
        IF share = 1 THEN
          RAISE NOTICE 'waiting for a replica that is behind';
        END IF;
        share := 0.5;
        PERFORM pg_catalog.pg_sleep(0.5);
      END LOOP;
      looked := pg_catalog.clock_timestamp();
    END IF;
    SELECT inhrelid::pg_catalog.regclass INTO child FROM pg_catalog.pg_inherits
    WHERE inhparent = '"public"."bookings"'::pg_catalog.regclass ORDER BY inhrelid LIMIT 1;
    EXIT WHEN child IS NULL;
    IF child IS DISTINCT FROM last THEN
      last := child;
      page := 0;
      attempt := 0;
    END IF;
    IF page * pg_catalog.current_setting('block_size')::bigint < pg_catalog.pg_relation_size(child) THEN
      DECLARE
        began timestamptz := pg_catalog.clock_timestamp();
        attempt integer := 0;
        allowed text := pg_catalog.current_setting('lock_timeout');
      BEGIN
        LOOP
          attempt := attempt + 1;
          BEGIN
            -- As good as NOWAIT, for statements that do not have it.
            PERFORM pg_catalog.set_config('lock_timeout',
              CASE WHEN pg_catalog.clock_timestamp() < began + interval '3000 ms' OR attempt % 8 > 0
                THEN '1ms' ELSE '40ms' END, true);
            LOCK TABLE "public"."bookings" IN EXCLUSIVE MODE;
            PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);
            PERFORM pg_catalog.set_config('lock_timeout', allowed, true);
            EXIT;
          EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF pg_catalog.clock_timestamp() > began + interval '9000 ms' THEN
              RAISE;
            END IF;
            PERFORM pg_catalog.pg_sleep(0.001 + 0.003 * pg_catalog.random());
          END;
        END LOOP;
      END;
      began := pg_catalog.clock_timestamp();
      PERFORM pg_catalog.set_config('hundredfold.quiet', 'on', true);
      EXECUTE pg_catalog.format(
        'WITH moved AS (DELETE FROM ONLY %s WHERE ctid >= $1 AND ctid < $2 RETURNING *)
         INSERT INTO "public"."bookings" ("id", "customer_id", "professional_id", "city_id", "service", "status", "booking_date", "start_time", "duration_minutes", "price_cents", "currency", "address", "notes", "cancelled_at", "created_at", "updated_at") OVERRIDING SYSTEM VALUE SELECT "id", "customer_id", "professional_id", "city_id", "service", "status", "booking_date", "start_time", "duration_minutes", "price_cents", "currency", "address", "notes", "cancelled_at", "created_at", "updated_at" FROM moved', child)
        USING pg_catalog.format('(%s,0)', page)::pg_catalog.tid, pg_catalog.format('(%s,0)', page + pages)::pg_catalog.tid;
      COMMIT;
      page := page + pages;
      spent := extract(epoch FROM pg_catalog.clock_timestamp() - began);
      pages := CASE WHEN spent < 0.015 THEN least(pages * 2, 1000) WHEN spent > 0.04 THEN greatest(pages / 2, 1) ELSE pages END;
      PERFORM pg_catalog.pg_sleep(least(spent, 0.1));
    ELSE
      -- Nobody inserts here any more: once it is seen empty, it stays so.
      EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM ONLY %s)', child) INTO has_rows;
      IF has_rows THEN
        page := 0;
      ELSE
        attempt := attempt + 1;
        BEGIN
          -- Its foreign keys have triggers on other tables, which others may hold: as good as wait for nobody.
          PERFORM pg_catalog.set_config('lock_timeout', CASE WHEN attempt % 500 = 0 THEN '40ms' ELSE '1ms' END, true);
          EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', child);
          PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);
          EXECUTE pg_catalog.format('ALTER TABLE %s NO INHERIT "public"."bookings"', child);
          EXECUTE pg_catalog.format('DROP TABLE %s', child);
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
          PERFORM pg_catalog.pg_sleep(0.001 + 0.003 * pg_catalog.random());
        END;
      END IF;
    END IF;
    COMMIT;
  END LOOP;
  DECLARE
    began timestamptz := pg_catalog.clock_timestamp();
    attempt integer := 0;
    allowed text := pg_catalog.current_setting('lock_timeout');
  BEGIN
    LOOP
      attempt := attempt + 1;
      BEGIN
        -- As good as NOWAIT, for statements that do not have it.
        PERFORM pg_catalog.set_config('lock_timeout',
          CASE WHEN pg_catalog.clock_timestamp() < began + interval '3000 ms' OR attempt % 8 > 0
            THEN '1ms' ELSE '40ms' END, true);
        LOCK TABLE "public"."bookings" IN ACCESS EXCLUSIVE MODE;
        PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);
        LOCK TABLE "public"."conversations", "public"."payment_intents", "public"."reviews" IN ACCESS EXCLUSIVE MODE NOWAIT;
        PERFORM pg_catalog.set_config('lock_timeout', allowed, true);
        EXIT;
      EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        IF pg_catalog.clock_timestamp() > began + interval '9000 ms' THEN
          RAISE;
        END IF;
        PERFORM pg_catalog.pg_sleep(0.001 + 0.003 * pg_catalog.random());
      END;
    END LOOP;
  END;
  -- It is there if the table was partitioned.
  IF pg_catalog.to_regprocedure('"private"."keep_children_of_bookings"()') IS NOT NULL THEN
    ALTER TABLE "public"."conversations" ADD CONSTRAINT "conversations_booking_id_fkey" FOREIGN KEY (booking_id) REFERENCES public.bookings(id) ON DELETE SET NULL NOT VALID;
    ALTER TABLE "public"."payment_intents" ADD CONSTRAINT "payment_intents_booking_id_fkey" FOREIGN KEY (booking_id) REFERENCES public.bookings(id) NOT VALID;
    ALTER TABLE "public"."reviews" ADD CONSTRAINT "reviews_booking_id_fkey" FOREIGN KEY (booking_id) REFERENCES public.bookings(id) ON DELETE CASCADE NOT VALID;
    DROP FUNCTION "private"."keep_children_of_bookings"() CASCADE;
  END IF;
  COMMIT;
  ALTER TABLE "public"."conversations" VALIDATE CONSTRAINT "conversations_booking_id_fkey";
  COMMIT;
  ALTER TABLE "public"."payment_intents" VALIDATE CONSTRAINT "payment_intents_booking_id_fkey";
  COMMIT;
  ALTER TABLE "public"."reviews" VALIDATE CONSTRAINT "reviews_booking_id_fkey";
  COMMIT;
END
$$`)
  pgm.sql(`REVOKE ALL ON PROCEDURE "private"."take_back_bookings"() FROM PUBLIC`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.sql(`CALL "private"."take_back_bookings"()`)
  pgm.sql(`DROP PROCEDURE "private"."take_back_bookings"()`)
  pgm.sql(`DROP INDEX CONCURRENTLY IF EXISTS "public"."bookings_id_booking_date_key"`)
}
