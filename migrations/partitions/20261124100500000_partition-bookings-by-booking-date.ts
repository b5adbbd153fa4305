import type { MigrationBuilder } from 'node-pg-migrate'
import { tableIsPartitionedBy, tableKeeps, tableStillKeeps, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'bookings' }

export const optimization: Optimization = {
  why:
    "public.bookings becomes a partitioned table; its rows, all below '2027-03-01', stay in place as the " +
    'partition public.bookings_history. Policies, privileges, triggers, keys, views and publications are ' +
    'made again on the new table, and the conditions compare them with what was there when this file was ' +
    'written.',
  rule: 'partition_candidate',
  operations: ['partitionTable-3341fa37b852e537'],
  series: 'partition public.bookings by booking_date',
  before: [
    tableKeeps(
      table,
      {
        table: '03121607449c',
        columns: '08009dd7d13d',
        checks: '7ff2ff021d6d',
        'foreign keys': '734a8f79f614',
        policies: '4b1a165c062f',
        privileges: 'e1a01fde1d48',
        publications: '4f53cda18c2b',
        views: '4f53cda18c2b',
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
    tableStillKeeps(
      table,
      {
        triggers: '0ae81b7b54a7',
        'keys of other tables': 'df4e83f30a9f',
        indexes: '4613bb3a24bb',
        'materialized views': '4f53cda18c2b',
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
  after: [
    tableIsPartitionedBy(table, 'booking_date'),
    tableKeeps(
      table,
      {
        table: '03121607449c',
        columns: '08009dd7d13d',
        checks: '7ff2ff021d6d',
        'foreign keys': '734a8f79f614',
        policies: '4b1a165c062f',
        privileges: 'e1a01fde1d48',
        publications: '4f53cda18c2b',
        views: '4f53cda18c2b',
        'policies of other tables': 'b4d262650a42',
        functions: '4f53cda18c2b',
        statistics: '270224aea32a',
        sequences: '4f53cda18c2b',
        triggers: '0ae81b7b54a7',
        'keys of other tables': 'df4e83f30a9f',
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
}

export function up(pgm: MigrationBuilder): void {
  pgm.sql(`DO $$
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
      LOCK TABLE "public"."conversations", "public"."payment_intents", "public"."reviews", "public"."profiles" IN ACCESS EXCLUSIVE MODE NOWAIT;
      IF pg_catalog.has_table_privilege('"public"."cities"', 'UPDATE') THEN
        LOCK TABLE "public"."cities" IN ACCESS EXCLUSIVE MODE NOWAIT;
      END IF;
      IF pg_catalog.has_table_privilege('"public"."professional_profiles"', 'UPDATE') THEN
        LOCK TABLE "public"."professional_profiles" IN ACCESS EXCLUSIVE MODE NOWAIT;
      END IF;
      PERFORM pg_catalog.set_config('lock_timeout', allowed, true);
      EXIT;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      IF pg_catalog.clock_timestamp() > began + interval '9000 ms' THEN
        RAISE;
      END IF;
      PERFORM pg_catalog.pg_sleep(0.001 + 0.003 * pg_catalog.random());
    END;
  END LOOP;
END
$$`)
  pgm.sql(`ALTER TABLE "public"."conversations" DROP CONSTRAINT "conversations_booking_id_fkey"`)
  pgm.sql(`ALTER TABLE "public"."payment_intents" DROP CONSTRAINT "payment_intents_booking_id_fkey"`)
  pgm.sql(`ALTER TABLE "public"."reviews" DROP CONSTRAINT "reviews_booking_id_fkey"`)
  pgm.sql(`DROP TRIGGER "set_updated_at" ON "public"."bookings"`)
  pgm.sql(`DROP TRIGGER "zz_follow_conversations" ON "public"."bookings"`)
  pgm.sql(`DROP TRIGGER "zz_follow_payment_intents" ON "public"."bookings"`)
  pgm.sql(`DROP TRIGGER "zz_follow_reviews" ON "public"."bookings"`)
  pgm.sql(`ALTER TABLE "public"."bookings" RENAME TO "bookings_history"`)
  pgm.sql(`ALTER INDEX "public"."bookings_booking_date_idx" RENAME TO "bookings_booking_date_idx_history"`)
  pgm.sql(`ALTER INDEX "public"."bookings_customer_id_booking_date_idx" RENAME TO "bookings_customer_id_booking_date_idx_history"`)
  pgm.sql(`ALTER INDEX "public"."bookings_professional_id_booking_date_idx" RENAME TO "bookings_professional_id_booking_date_idx_history"`)
  pgm.sql(`ALTER INDEX "public"."idx_bookings_created_at" RENAME TO "idx_bookings_created_at_history"`)
  pgm.sql(`ALTER STATISTICS "public"."bookings_city_id_currency_stat" RENAME TO "bookings_city_id_currency_stat_history"`)
  pgm.sql(`ALTER TABLE "public"."bookings_history" DROP CONSTRAINT "bookings_pkey"`)
  pgm.sql(`ALTER TABLE "public"."bookings_history" ADD CONSTRAINT "bookings_id_booking_date_key" PRIMARY KEY USING INDEX "bookings_id_booking_date_key"`)
  pgm.sql(`CREATE TABLE "public"."bookings" (LIKE "public"."bookings_history" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS) PARTITION BY RANGE ("booking_date")`)
  pgm.sql(`ALTER TABLE "public"."bookings" OWNER TO "casaora_owner"`)
  pgm.sql(`ALTER TABLE "public"."bookings" DROP CONSTRAINT "bookings_booking_date_bound"`)
  pgm.sql(`ALTER TABLE "public"."bookings" ADD CONSTRAINT "bookings_city_id_fkey" FOREIGN KEY (city_id) REFERENCES public.cities(id)`)
  pgm.sql(`ALTER TABLE "public"."bookings" ADD CONSTRAINT "bookings_customer_id_fkey" FOREIGN KEY (customer_id) REFERENCES public.profiles(id)`)
  pgm.sql(`ALTER TABLE public.bookings 
  ADD CONSTRAINT bookings_pkey PRIMARY KEY (id, booking_date)`)
  pgm.sql(`ALTER TABLE "public"."bookings" ADD CONSTRAINT "bookings_professional_id_fkey" FOREIGN KEY (professional_id) REFERENCES public.professional_profiles(profile_id)`)
  pgm.sql(`CREATE INDEX bookings_booking_date_idx ON public.bookings USING btree (booking_date)`)
  pgm.sql(`CREATE INDEX bookings_customer_id_booking_date_idx ON public.bookings USING btree (customer_id, booking_date)`)
  pgm.sql(`CREATE INDEX bookings_professional_id_booking_date_idx ON public.bookings USING btree (professional_id, booking_date)`)
  pgm.sql(`CREATE INDEX idx_bookings_created_at ON public.bookings USING btree (created_at)`)
  pgm.sql(`CREATE STATISTICS public.bookings_city_id_currency_stat (dependencies, mcv) ON city_id, currency FROM public.bookings`)
  pgm.sql(`ALTER TABLE "public"."bookings" ATTACH PARTITION "public"."bookings_history" FOR VALUES FROM (MINVALUE) TO ('2027-03-01')`)
  pgm.sql(`ALTER TABLE "public"."bookings_history" DROP CONSTRAINT "bookings_booking_date_bound"`)
  pgm.sql(`ALTER TABLE "public"."bookings_history" ENABLE ROW LEVEL SECURITY`)
  pgm.sql(`CREATE TABLE "public"."bookings_2027_03" PARTITION OF "public"."bookings" FOR VALUES FROM ('2027-03-01') TO ('2027-04-01') WITH (autovacuum_vacuum_scale_factor=0.01, autovacuum_analyze_scale_factor=0.005, fillfactor=90)`)
  pgm.sql(`ALTER TABLE "public"."bookings_2027_03" OWNER TO "casaora_owner"`)
  pgm.sql(`ALTER TABLE "public"."bookings_2027_03" ENABLE ROW LEVEL SECURITY`)
  pgm.sql(`CREATE TABLE "public"."bookings_2027_04" PARTITION OF "public"."bookings" FOR VALUES FROM ('2027-04-01') TO ('2027-05-01') WITH (autovacuum_vacuum_scale_factor=0.01, autovacuum_analyze_scale_factor=0.005, fillfactor=90)`)
  pgm.sql(`ALTER TABLE "public"."bookings_2027_04" OWNER TO "casaora_owner"`)
  pgm.sql(`ALTER TABLE "public"."bookings_2027_04" ENABLE ROW LEVEL SECURITY`)
  pgm.sql(`CREATE TABLE "public"."bookings_2027_05" PARTITION OF "public"."bookings" FOR VALUES FROM ('2027-05-01') TO ('2027-06-01') WITH (autovacuum_vacuum_scale_factor=0.01, autovacuum_analyze_scale_factor=0.005, fillfactor=90)`)
  pgm.sql(`ALTER TABLE "public"."bookings_2027_05" OWNER TO "casaora_owner"`)
  pgm.sql(`ALTER TABLE "public"."bookings_2027_05" ENABLE ROW LEVEL SECURITY`)
  pgm.sql(`CREATE TABLE "public"."bookings_2027_06" PARTITION OF "public"."bookings" FOR VALUES FROM ('2027-06-01') TO ('2027-07-01') WITH (autovacuum_vacuum_scale_factor=0.01, autovacuum_analyze_scale_factor=0.005, fillfactor=90)`)
  pgm.sql(`ALTER TABLE "public"."bookings_2027_06" OWNER TO "casaora_owner"`)
  pgm.sql(`ALTER TABLE "public"."bookings_2027_06" ENABLE ROW LEVEL SECURITY`)
  pgm.sql(`CREATE TABLE "public"."bookings_default" PARTITION OF "public"."bookings" DEFAULT WITH (autovacuum_vacuum_scale_factor=0.01, autovacuum_analyze_scale_factor=0.005, fillfactor=90)`)
  pgm.sql(`ALTER TABLE "public"."bookings_default" OWNER TO "casaora_owner"`)
  pgm.sql(`ALTER TABLE "public"."bookings_default" ENABLE ROW LEVEL SECURITY`)
  pgm.sql(`ALTER TABLE "public"."bookings" ENABLE ROW LEVEL SECURITY`)
  pgm.sql(`CREATE POLICY "Admins manage bookings" ON "public"."bookings" AS PERMISSIVE FOR ALL TO PUBLIC USING (( SELECT private.is_admin() AS is_admin)) WITH CHECK (( SELECT private.is_admin() AS is_admin))`)
  pgm.sql(`CREATE POLICY "Customers can create bookings" ON "public"."bookings" AS PERMISSIVE FOR INSERT TO "authenticated" WITH CHECK (((customer_id = ( SELECT private.current_user_id() AS current_user_id)) AND (status = 'pending'::text)))`)
  pgm.sql(`CREATE POLICY "Users can update their bookings" ON "public"."bookings" AS PERMISSIVE FOR UPDATE TO "authenticated" USING (((customer_id = ( SELECT private.current_user_id() AS current_user_id)) OR (professional_id = ( SELECT private.current_user_id() AS current_user_id)))) WITH CHECK (((customer_id = ( SELECT private.current_user_id() AS current_user_id)) OR (professional_id = ( SELECT private.current_user_id() AS current_user_id))))`)
  pgm.sql(`CREATE POLICY "Users can view their bookings" ON "public"."bookings" AS PERMISSIVE FOR SELECT TO "authenticated" USING (((customer_id = ( SELECT private.current_user_id() AS current_user_id)) OR (professional_id = ( SELECT private.current_user_id() AS current_user_id))))`)
  pgm.sql(`DO $$
DECLARE
  entry record;
BEGIN
  FOR entry IN
    SELECT DISTINCT class.oid::pg_catalog.regclass AS relation,
      CASE WHEN acl.grantee = 0 THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(acl.grantee)) END AS grantee
    FROM pg_catalog.pg_class class, LATERAL (
      SELECT grantee FROM pg_catalog.aclexplode(class.relacl)
      UNION
      SELECT of_column.grantee FROM pg_catalog.pg_attribute, pg_catalog.aclexplode(attacl) of_column WHERE attrelid = class.oid
    ) acl
    WHERE class.oid IN ('"public"."bookings"'::pg_catalog.regclass) AND acl.grantee <> class.relowner
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s CASCADE', entry.relation, entry.grantee);
  END LOOP;
END
$$`)
  pgm.sql(`GRANT ALL ON TABLE "public"."bookings" TO "anon"`)
  pgm.sql(`GRANT ALL ON TABLE "public"."bookings" TO "authenticated"`)
  pgm.sql(`GRANT ALL ON TABLE "public"."bookings" TO "service_role"`)
  pgm.sql(`DO $$
DECLARE
  entry record;
BEGIN
  FOR entry IN
    SELECT DISTINCT class.oid::pg_catalog.regclass AS relation,
      CASE WHEN acl.grantee = 0 THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(acl.grantee)) END AS grantee
    FROM pg_catalog.pg_class class, LATERAL (
      SELECT grantee FROM pg_catalog.aclexplode(class.relacl)
      UNION
      SELECT of_column.grantee FROM pg_catalog.pg_attribute, pg_catalog.aclexplode(attacl) of_column WHERE attrelid = class.oid
    ) acl
    WHERE class.oid IN (SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = '"public"."bookings"'::pg_catalog.regclass) AND acl.grantee <> class.relowner
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s CASCADE', entry.relation, entry.grantee);
  END LOOP;
END
$$`)
  pgm.sql(`CREATE TRIGGER set_updated_at BEFORE UPDATE ON public.bookings FOR EACH ROW EXECUTE FUNCTION public.set_updated_at()`)
  pgm.sql(`ALTER TABLE "public"."conversations" ADD CONSTRAINT "conversations_booking_id_fkey" FOREIGN KEY ("booking_id", "bookings_booking_date") REFERENCES "public"."bookings" ("id", "booking_date") ON UPDATE CASCADE ON DELETE SET NULL NOT VALID`)
  pgm.sql(`ALTER TABLE "public"."payment_intents" ADD CONSTRAINT "payment_intents_booking_id_fkey" FOREIGN KEY ("booking_id", "bookings_booking_date") REFERENCES "public"."bookings" ("id", "booking_date") ON UPDATE CASCADE NOT VALID`)
  pgm.sql(`ALTER TABLE "public"."reviews" ADD CONSTRAINT "reviews_booking_id_fkey" FOREIGN KEY ("booking_id", "bookings_booking_date") REFERENCES "public"."bookings" ("id", "booking_date") ON UPDATE CASCADE ON DELETE CASCADE NOT VALID`)
  pgm.sql(`ALTER POLICY "Participants can view payments" ON "public"."payment_intents" USING ((EXISTS ( SELECT 1
   FROM public.bookings b
  WHERE ((b.id = payment_intents.booking_id) AND ((b.customer_id = ( SELECT private.current_user_id() AS current_user_id)) OR (b.professional_id = ( SELECT private.current_user_id() AS current_user_id)))))))`)
  pgm.sql(`ALTER POLICY "Professionals can view their customers" ON "public"."profiles" USING ((EXISTS ( SELECT 1
   FROM public.bookings b
  WHERE ((b.customer_id = profiles.id) AND (b.professional_id = ( SELECT private.current_user_id() AS current_user_id))))))`)
  pgm.sql(`ALTER POLICY "Customers can review completed bookings" ON "public"."reviews" WITH CHECK (((customer_id = ( SELECT private.current_user_id() AS current_user_id)) AND (EXISTS ( SELECT 1
   FROM public.bookings b
  WHERE ((b.id = reviews.booking_id) AND (b.customer_id = ( SELECT private.current_user_id() AS current_user_id)) AND (b.status = 'completed'::text))))))`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.sql(`DO $$
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
      LOCK TABLE "public"."conversations", "public"."payment_intents", "public"."reviews", "public"."profiles" IN ACCESS EXCLUSIVE MODE NOWAIT;
      IF pg_catalog.has_table_privilege('"public"."cities"', 'UPDATE') THEN
        LOCK TABLE "public"."cities" IN ACCESS EXCLUSIVE MODE NOWAIT;
      END IF;
      IF pg_catalog.has_table_privilege('"public"."professional_profiles"', 'UPDATE') THEN
        LOCK TABLE "public"."professional_profiles" IN ACCESS EXCLUSIVE MODE NOWAIT;
      END IF;
      PERFORM pg_catalog.set_config('lock_timeout', allowed, true);
      EXIT;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      IF pg_catalog.clock_timestamp() > began + interval '9000 ms' THEN
        RAISE;
      END IF;
      PERFORM pg_catalog.pg_sleep(0.001 + 0.003 * pg_catalog.random());
    END;
  END LOOP;
END
$$`)
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
  pgm.sql(`ALTER TABLE "public"."conversations" DROP CONSTRAINT "conversations_booking_id_fkey"`)
  pgm.sql(`ALTER TABLE "public"."payment_intents" DROP CONSTRAINT "payment_intents_booking_id_fkey"`)
  pgm.sql(`ALTER TABLE "public"."reviews" DROP CONSTRAINT "reviews_booking_id_fkey"`)
  pgm.sql(`DROP TRIGGER "set_updated_at" ON "public"."bookings"`)
  pgm.sql(`DO $$
DECLARE
  partitions oid[] := ARRAY(
    SELECT inhrelid FROM pg_catalog.pg_inherits
    WHERE inhparent = '"public"."bookings"'::pg_catalog.regclass ORDER BY inhrelid);
  child pg_catalog.regclass;
BEGIN
  FOREACH child IN ARRAY partitions LOOP
    EXECUTE pg_catalog.format('ALTER TABLE "public"."bookings" DETACH PARTITION %s', child);
  END LOOP;
  PERFORM pg_catalog.set_config('hundredfold.partitions', pg_catalog.array_to_string(
    pg_catalog.array_remove(partitions, '"public"."bookings_history"'::pg_catalog.regclass::oid), ','), true);
  ALTER TABLE "public"."bookings" RENAME TO "bookings_partitioned";
  ALTER TABLE "public"."bookings_history" RENAME TO "bookings";
END
$$`)
  pgm.sql(`ALTER POLICY "Participants can view payments" ON "public"."payment_intents" USING ((EXISTS ( SELECT 1
   FROM public.bookings b
  WHERE ((b.id = payment_intents.booking_id) AND ((b.customer_id = ( SELECT private.current_user_id() AS current_user_id)) OR (b.professional_id = ( SELECT private.current_user_id() AS current_user_id)))))))`)
  pgm.sql(`ALTER POLICY "Professionals can view their customers" ON "public"."profiles" USING ((EXISTS ( SELECT 1
   FROM public.bookings b
  WHERE ((b.customer_id = profiles.id) AND (b.professional_id = ( SELECT private.current_user_id() AS current_user_id))))))`)
  pgm.sql(`ALTER POLICY "Customers can review completed bookings" ON "public"."reviews" WITH CHECK (((customer_id = ( SELECT private.current_user_id() AS current_user_id)) AND (EXISTS ( SELECT 1
   FROM public.bookings b
  WHERE ((b.id = reviews.booking_id) AND (b.customer_id = ( SELECT private.current_user_id() AS current_user_id)) AND (b.status = 'completed'::text))))))`)
  pgm.sql(`DROP TABLE "public"."bookings_partitioned"`)
  pgm.sql(`CREATE UNIQUE INDEX IF NOT EXISTS bookings_id_restored_key ON public.bookings (id)`)
  pgm.sql(`ALTER TABLE "public"."bookings" DROP CONSTRAINT "bookings_id_booking_date_key"`)
  pgm.sql(`ALTER TABLE "public"."bookings" ADD CONSTRAINT "bookings_pkey" PRIMARY KEY USING INDEX "bookings_id_restored_key"`)
  pgm.sql(`ALTER INDEX "public"."bookings_booking_date_idx_history" RENAME TO "bookings_booking_date_idx"`)
  pgm.sql(`ALTER INDEX "public"."bookings_customer_id_booking_date_idx_history" RENAME TO "bookings_customer_id_booking_date_idx"`)
  pgm.sql(`ALTER INDEX "public"."bookings_professional_id_booking_date_idx_history" RENAME TO "bookings_professional_id_booking_date_idx"`)
  pgm.sql(`ALTER INDEX "public"."idx_bookings_created_at_history" RENAME TO "idx_bookings_created_at"`)
  pgm.sql(`ALTER STATISTICS "public"."bookings_city_id_currency_stat_history" RENAME TO "bookings_city_id_currency_stat"`)
  pgm.sql(`GRANT ALL ON TABLE "public"."bookings" TO "anon"`)
  pgm.sql(`GRANT ALL ON TABLE "public"."bookings" TO "authenticated"`)
  pgm.sql(`GRANT ALL ON TABLE "public"."bookings" TO "service_role"`)
  pgm.sql(`CREATE TRIGGER set_updated_at BEFORE UPDATE ON public.bookings FOR EACH ROW EXECUTE FUNCTION public.set_updated_at()`)
  pgm.sql(`DO $$
DECLARE
  child pg_catalog.regclass;
BEGIN
  FOR child IN SELECT pg_catalog.unnest(pg_catalog.string_to_array(
    nullif(pg_catalog.current_setting('hundredfold.partitions'), ''), ',')::oid[])::pg_catalog.regclass LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s INHERIT "public"."bookings"', child);
    EXECUTE pg_catalog.format('CREATE TRIGGER set_updated_at
  BEFORE UPDATE
  ON %s
  FOR EACH ROW
  WHEN (NOT (CURRENT_USER = ''casaora_owner''
    AND (COALESCE(pg_catalog.current_setting(''hundredfold.quiet'', true), '''')) = ''on''))
  EXECUTE PROCEDURE public.set_updated_at()', child);
  END LOOP;
END
$$`)
  pgm.sql(`CREATE FUNCTION "private"."keep_children_of_bookings"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM "public"."bookings" row WHERE row."id" = OLD."id") THEN
    IF TG_OP = 'DELETE' THEN
      UPDATE "public"."conversations" child SET "booking_id" = NULL, "bookings_booking_date" = NULL WHERE child."booking_id" = OLD."id";
    ELSE
      IF EXISTS (SELECT FROM "public"."conversations" child WHERE child."booking_id" = OLD."id") THEN
        RAISE foreign_key_violation USING MESSAGE = 'update or delete on table "bookings" violates foreign key constraint "conversations_booking_id_fkey" on table "conversations"', SCHEMA = 'public', TABLE = 'conversations', CONSTRAINT = 'conversations_booking_id_fkey';
      END IF;
    END IF;
  END IF;
  IF NOT EXISTS (SELECT FROM "public"."bookings" row WHERE row."id" = OLD."id") THEN
    IF TG_OP = 'DELETE' THEN
      IF EXISTS (SELECT FROM "public"."payment_intents" child WHERE child."booking_id" = OLD."id") THEN
        RAISE foreign_key_violation USING MESSAGE = 'update or delete on table "bookings" violates foreign key constraint "payment_intents_booking_id_fkey" on table "payment_intents"', SCHEMA = 'public', TABLE = 'payment_intents', CONSTRAINT = 'payment_intents_booking_id_fkey';
      END IF;
    ELSE
      IF EXISTS (SELECT FROM "public"."payment_intents" child WHERE child."booking_id" = OLD."id") THEN
        RAISE foreign_key_violation USING MESSAGE = 'update or delete on table "bookings" violates foreign key constraint "payment_intents_booking_id_fkey" on table "payment_intents"', SCHEMA = 'public', TABLE = 'payment_intents', CONSTRAINT = 'payment_intents_booking_id_fkey';
      END IF;
    END IF;
  END IF;
  IF NOT EXISTS (SELECT FROM "public"."bookings" row WHERE row."id" = OLD."id") THEN
    IF TG_OP = 'DELETE' THEN
      DELETE FROM "public"."reviews" child WHERE child."booking_id" = OLD."id";
    ELSE
      IF EXISTS (SELECT FROM "public"."reviews" child WHERE child."booking_id" = OLD."id") THEN
        RAISE foreign_key_violation USING MESSAGE = 'update or delete on table "bookings" violates foreign key constraint "reviews_booking_id_fkey" on table "reviews"', SCHEMA = 'public', TABLE = 'reviews', CONSTRAINT = 'reviews_booking_id_fkey';
      END IF;
    END IF;
  END IF;
  RETURN NULL;
END
$$`)
  pgm.sql(`REVOKE ALL ON FUNCTION "private"."keep_children_of_bookings"() FROM PUBLIC`)
  pgm.sql(`CREATE TRIGGER zz_keep_children AFTER DELETE OR UPDATE OF "id" ON "public"."bookings" FOR EACH ROW EXECUTE FUNCTION "private"."keep_children_of_bookings"()`)
  pgm.sql(`DO $$
DECLARE
  child pg_catalog.regclass;
BEGIN
  FOR child IN SELECT pg_catalog.unnest(pg_catalog.string_to_array(
    nullif(pg_catalog.current_setting('hundredfold.partitions'), ''), ',')::oid[])::pg_catalog.regclass LOOP
    EXECUTE pg_catalog.format('CREATE TRIGGER zz_keep_children AFTER DELETE OR UPDATE OF "id" ON %s FOR EACH ROW EXECUTE FUNCTION "private"."keep_children_of_bookings"()', child);
  END LOOP;
END
$$`)
}
