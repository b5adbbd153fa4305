import type { MigrationBuilder } from 'node-pg-migrate'
import { functionExists, functionIsAbsent, type Optimization } from 'hundredfold'

const routine = { schema: 'private', name: 'add_partitions_of_messages', args: 'ahead integer, most_rows integer' }

export const optimization: Optimization = {
  why:
    'Rows of public.messages that fit no partition go to the default one, which slows down everything that ' +
    'comes after it. This function makes the partitions of the next months, and moves rows that have come ' +
    'too early into theirs; call it at least once a month.',
  rule: 'partition_candidate',
  operations: ['partitionTable-485641dd2bbf0dec'],
  before: [
    functionIsAbsent(routine),
  ],
  after: [
    functionExists(routine),
  ],
}

export function up(pgm: MigrationBuilder): void {
  pgm.sql(`CREATE FUNCTION "private"."add_partitions_of_messages"(ahead integer DEFAULT 4, most_rows integer DEFAULT 10000)
RETURNS SETOF text LANGUAGE plpgsql SET search_path = '' SET timezone = 'UTC' AS $add$
DECLARE
  parent pg_catalog.regclass := '"public"."messages"';
  -- Others may have given it another name.
  rest pg_catalog.regclass := (SELECT partdefid FROM pg_catalog.pg_partitioned_table WHERE partrelid = parent AND partdefid <> 0);
  -- Where the next partition begins and ends.
  low timestamp;
  high timestamp;
  leaf text;
  grantee text;
  leaves text[] := '{}';
  lows text[] := '{}';
  highs text[] := '{}';
  at integer;
  stray bigint := 0;
  has_rows boolean := false;
BEGIN
  -- One call at a time; the other one then finds everything made.
  PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('hundredfold partitions'), pg_catalog.hashtext('"public"."messages"'));
  -- Where the partition of today ends, or the last one before today. Others may have made partitions after it.
  SELECT coalesce(pg_catalog.max(until) FILTER (WHERE begins <= pg_catalog.now()), pg_catalog.min(begins)) INTO low
  FROM (
    SELECT coalesce((pg_catalog.regexp_match(pg_catalog.pg_get_expr(class.relpartbound, class.oid), 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz::timestamp, '-infinity') AS begins,
      coalesce((pg_catalog.regexp_match(pg_catalog.pg_get_expr(class.relpartbound, class.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz::timestamp, 'infinity') AS until
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = '"public"."messages"'::pg_catalog.regclass AND pg_catalog.pg_get_expr(class.relpartbound, class.oid) <> 'DEFAULT') range;
  -- Each is made by itself, which locks nothing that anybody uses.
  WHILE low <= pg_catalog.now() + ahead * interval '1 month' LOOP
    SELECT until INTO high FROM (
    SELECT coalesce((pg_catalog.regexp_match(pg_catalog.pg_get_expr(class.relpartbound, class.oid), 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz::timestamp, '-infinity') AS begins,
      coalesce((pg_catalog.regexp_match(pg_catalog.pg_get_expr(class.relpartbound, class.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz::timestamp, 'infinity') AS until
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = '"public"."messages"'::pg_catalog.regclass AND pg_catalog.pg_get_expr(class.relpartbound, class.oid) <> 'DEFAULT') range WHERE begins <= low AND until > low;
    IF FOUND THEN
      low := high;
      CONTINUE;
    END IF;
    SELECT least(low + interval '1 month', pg_catalog.min(begins)) INTO high FROM (
    SELECT coalesce((pg_catalog.regexp_match(pg_catalog.pg_get_expr(class.relpartbound, class.oid), 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz::timestamp, '-infinity') AS begins,
      coalesce((pg_catalog.regexp_match(pg_catalog.pg_get_expr(class.relpartbound, class.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz::timestamp, 'infinity') AS until
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = '"public"."messages"'::pg_catalog.regclass AND pg_catalog.pg_get_expr(class.relpartbound, class.oid) <> 'DEFAULT') range WHERE begins > low;
    leaf := pg_catalog.format('%I.%I', 'public', 'messages' || pg_catalog.to_char(low, '_YYYY_MM'));
    IF pg_catalog.to_regclass(leaf) IS NOT NULL THEN
      RAISE duplicate_table USING
        MESSAGE = pg_catalog.format('%s is there, but is no partition of %s for rows from %s to %s', leaf, parent, low, high),
        HINT = 'Attach it for this range, or give it another name; then call this again.';
    END IF;
    EXECUTE pg_catalog.format('CREATE TABLE %s (LIKE "public"."messages" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING INDEXES INCLUDING STORAGE INCLUDING COMPRESSION) WITH (autovacuum_vacuum_scale_factor=0.005, autovacuum_vacuum_insert_scale_factor=0.005, autovacuum_analyze_scale_factor=0.0025)', leaf);
    EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO %I', leaf, 'casaora_owner');
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', leaf);
    FOR grantee IN
      SELECT DISTINCT CASE WHEN acl.grantee = 0 THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(acl.grantee)) END
      FROM pg_catalog.pg_class class, pg_catalog.aclexplode(class.relacl) acl
      WHERE class.oid = leaf::pg_catalog.regclass AND acl.grantee <> class.relowner
    LOOP
      EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s CASCADE', leaf, grantee);
    END LOOP;
    leaves := leaves || leaf;
    lows := lows || pg_catalog.to_char(low, 'YYYY-MM-DD 00:00:00+00');
    highs := highs || pg_catalog.to_char(high, 'YYYY-MM-DD 00:00:00+00');
    low := high;
  END LOOP;
  IF leaves <> '{}' THEN
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
          IF rest IS NOT NULL THEN
      EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY %s LIMIT %s) row', rest, most_rows + 1) INTO stray;
      IF stray > most_rows THEN
        RAISE EXCEPTION '% has more than % rows, which would be read, and moved if they belong elsewhere, while others wait', rest, most_rows
          USING ERRCODE = 'program_limit_exceeded',
            HINT = 'Call it in a quiet hour with a greater most_rows, or move rows with impossible dates first.';
      END IF;
      EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM ONLY %s WHERE "created_at" >= %L::timestamp with time zone AND "created_at" < %L::timestamp with time zone)',
        rest, lows[1], highs[pg_catalog.cardinality(highs)]) INTO has_rows;
    END IF;
    IF has_rows THEN
      LOCK TABLE "public"."messages" IN ACCESS EXCLUSIVE MODE;
      PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);

      EXECUTE pg_catalog.format('ALTER TABLE "public"."messages" DETACH PARTITION %s', rest);
      FOR at IN 1 .. pg_catalog.cardinality(leaves) LOOP
        EXECUTE pg_catalog.format('WITH moved AS (DELETE FROM ONLY %s WHERE "created_at" >= %L::timestamp with time zone AND "created_at" < %L::timestamp with time zone RETURNING *)
           INSERT INTO %s ("id", "conversation_id", "sender_id", "body", "attachments", "read_at", "edited_at", "created_at") OVERRIDING SYSTEM VALUE SELECT "id", "conversation_id", "sender_id", "body", "attachments", "read_at", "edited_at", "created_at" FROM moved', rest, lows[at], highs[at], leaves[at]);
      END LOOP;
      FOR at IN 1 .. pg_catalog.cardinality(leaves) LOOP
        EXECUTE pg_catalog.format('ALTER TABLE "public"."messages" ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', leaves[at], lows[at], highs[at]);
      END LOOP;
      EXECUTE pg_catalog.format('ALTER TABLE "public"."messages" ATTACH PARTITION %s DEFAULT', rest);

    ELSE
      IF stray > 0 OR pg_catalog.clock_timestamp() < began + interval '3000 ms' THEN
        LOCK TABLE "public"."messages" IN SHARE ROW EXCLUSIVE MODE;
        PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);
      END IF;
      BEGIN
        FOR at IN 1 .. pg_catalog.cardinality(leaves) LOOP
          EXECUTE pg_catalog.format('ALTER TABLE "public"."messages" ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', leaves[at], lows[at], highs[at]);
        END LOOP;
      EXCEPTION WHEN check_violation THEN
        -- A row came after the look: the next attempt moves it.
        RAISE lock_not_available;
      END;
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
    END;
  END IF;
  IF rest IS NOT NULL THEN
    EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM ONLY %s', rest) INTO stray;
    IF stray > 0 THEN
      RAISE NOTICE '% rows of % lie beyond its partitions, in %', stray, parent, rest;
    END IF;
  END IF;
  RETURN QUERY SELECT pg_catalog.unnest(leaves);
END
$add$`)
  pgm.sql(`REVOKE ALL ON FUNCTION "private"."add_partitions_of_messages"(integer, integer) FROM PUBLIC`)
}

export function down(pgm: MigrationBuilder): void {
  pgm.sql(`DO $$
DECLARE
  found text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = '"public"."messages"'::pg_catalog.regclass AND inhrelid = pg_catalog.to_regclass('"public"."messages_history"')) THEN
    RAISE EXCEPTION USING MESSAGE = 'public.messages_history is no longer a partition of public.messages, so this cannot become a table again: attach it with its former bounds; if it was dropped, there is no way back';
  END IF;
  SELECT pg_catalog.string_agg(other.what, '; ' ORDER BY other.what) INTO found FROM (
    SELECT class.oid::pg_catalog.regclass || ' is no plain table' AS what
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = '"public"."messages"'::pg_catalog.regclass AND class.relkind <> 'r'
    UNION ALL
    SELECT class.oid::pg_catalog.regclass || ' belongs to ' || pg_catalog.pg_get_userbyid(class.relowner)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = '"public"."messages"'::pg_catalog.regclass AND NOT pg_catalog.pg_has_role(class.relowner, 'USAGE')
    UNION ALL
    SELECT pg_catalog.format('foreign key %I of %s points to %s', conname, conrelid::pg_catalog.regclass, confrelid::pg_catalog.regclass)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_constraint ON confrelid = inhrelid AND contype = 'f' AND conparentid = 0
    WHERE inhparent = '"public"."messages"'::pg_catalog.regclass
    UNION ALL
    SELECT pg_catalog.format('trigger %I is on %s alone', tgname, tgrelid::pg_catalog.regclass)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_trigger ON tgrelid = inhrelid AND NOT tgisinternal AND tgparentid = 0
    WHERE inhparent = '"public"."messages"'::pg_catalog.regclass AND inhrelid IS DISTINCT FROM pg_catalog.to_regclass('"public"."messages_history"')
    UNION ALL
    SELECT pg_catalog.format('%s reads %s alone', pg_catalog.pg_describe_object(depend.classid, depend.objid, 0),
      class.oid::pg_catalog.regclass)
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    JOIN pg_catalog.pg_depend depend ON depend.deptype = 'n'
      AND depend.classid IN ('pg_catalog.pg_rewrite'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
        'pg_catalog.pg_policy'::pg_catalog.regclass)
      AND (depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND depend.refobjid = class.oid
        OR depend.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND depend.refobjid = class.reltype)
    WHERE inhparent = '"public"."messages"'::pg_catalog.regclass AND inhrelid IS DISTINCT FROM pg_catalog.to_regclass('"public"."messages_history"')
  ) other;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION USING MESSAGE = 'public.messages cannot become a table again, since somebody has changed its partitions: ' || found
      || '. Take that back first; nothing was changed';
  END IF;
END
$$`)
  pgm.sql(`DROP FUNCTION "private"."add_partitions_of_messages"(integer, integer)`)
}
