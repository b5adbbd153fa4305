import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { differences } from '../../src/fingerprint/differences.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { EmbeddedServer } from '../../src/servers/embedded.ts'
import { openShadow } from '../../src/shadow/openShadow.ts'
import type { Shadow } from '../../src/shadow/openShadow.ts'
import { createDatabase } from '../support/database.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { TestDatabase } from '../support/database.ts'

describe('the shadow of Casaora', () => {
  let database: TestDatabase
  let source: Client
  let shadow: Shadow

  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
    source = await database.connect(database.ownerUrl)
    await source.query('CREATE SCHEMA hundredfold; CREATE TABLE hundredfold.migrations (name text)')
    shadow = await openShadow(source)
  })

  afterAll(async () => {
    await shadow.close()
    await database.drop()
  })

  test('has every object of the source', async () => {
    expect(shadow.notCopied).toEqual([])
    const copy = await shadow.connect()
    expect(differences(await readFingerprint(source), await readFingerprint(copy))).toEqual([])
    await copy.end()
  })

  test('has none of its rows, and not the ledger', async () => {
    const copy = await shadow.connect()
    expect((await copy.query('SELECT FROM public.bookings')).rowCount).toBe(0)
    expect((await copy.query(`SELECT FROM pg_namespace WHERE nspname = 'hundredfold'`)).rowCount).toBe(0)
    await copy.end()
  })

  test('lets the owner change what it owns, without being superuser', async () => {
    const owner = await shadow.connect('casaora_owner')
    await owner.query('ALTER TABLE public.bookings ADD COLUMN note text')
    const { rows } = await owner.query<{ superuser: string }>(
      `SELECT current_setting('is_superuser') AS superuser`,
    )
    expect(rows).toEqual([{ superuser: 'off' }])
    await owner.query('ALTER TABLE public.bookings DROP COLUMN note')
    await owner.end()
  })

  test('opens a session for a role that may not log in', async () => {
    const anon = await shadow.connect('anon')
    expect((await anon.query<{ name: string }>('SELECT session_user AS name')).rows).toEqual([
      { name: 'anon' },
    ])
    await anon.end()
  })
})

describe('the shadow of a database full of rare things', () => {
  let database: TestDatabase
  let source: Client
  let shadow: Shadow

  beforeAll(async () => {
    database = await createDatabase({ from: 'empty' })
    source = await database.connect()
    await source.query(`
      CREATE SCHEMA "Üben, ""so""";
      SET search_path = "Üben, ""so""", public;
      CREATE TYPE mood AS ENUM ('so, so', 'gut');
      CREATE TABLE "a table" (
        "an ""id""" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "it's" text DEFAULT 'x', mood mood, n numeric,
        upper_text text GENERATED ALWAYS AS (upper("it's")) STORED);
      ALTER TABLE "a table" ALTER "it's" SET STATISTICS 77, ALTER "it's" SET STORAGE EXTERNAL,
        ALTER n SET (n_distinct = -0.3), SET (toast.autovacuum_enabled = off, fillfactor = 80);
      ALTER INDEX "a table_pkey" SET (fillfactor = 50);
      CREATE INDEX "an idx" ON "a table" (lower("it's"), n);
      ALTER INDEX "an idx" ALTER COLUMN 1 SET STATISTICS 55;
      ALTER TABLE "a table" CLUSTER ON "an idx";
      CREATE STATISTICS "some stats" (dependencies) ON "it's", n FROM "a table";
      COMMENT ON STATISTICS "some stats" IS '100 % ''sure''';
      CREATE VIEW "a view" AS SELECT * FROM "a table";
      ALTER VIEW "a view" ALTER n SET DEFAULT 5 % 3;
      COMMENT ON COLUMN "a view".n IS 'a % sign';
      GRANT SELECT ("it's") ON "a view" TO pg_monitor WITH GRANT OPTION;
      GRANT USAGE ON SEQUENCE "a table_an ""id""_seq" TO pg_monitor;
      CREATE FUNCTION latest() RETURNS numeric LANGUAGE sql STABLE AS $$ SELECT max(n) FROM "a table" $$;
      CREATE TYPE pair AS (a int, b mood);
      CREATE FUNCTION a_number() RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE TABLE "in order" (a int DEFAULT a_number(), p pair, m mood NOT NULL DEFAULT 'gut', many mood[],
        CONSTRAINT "a > 0" CHECK (a > 0), z text, twice int GENERATED ALWAYS AS (a * 2) STORED, zz text);
      ALTER TABLE "in order" DROP COLUMN p, ADD p pair, ADD y int;
      CREATE TABLE later (id int, latest numeric DEFAULT latest());
      CREATE TABLE parts (at date NOT NULL) PARTITION BY RANGE (at);
      CREATE TABLE part PARTITION OF parts DEFAULT;
      CREATE INDEX ON parts (at);
      CREATE FUNCTION shout() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more changes'; END $$;
      CREATE CAST (mood AS text) WITH INOUT;
      CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);
      CREATE TABLE kinds (kind varchar(9) CHECK (kind IN ('a', 'b')), codes varchar[] DEFAULT ARRAY['x', 'y'],
        at timestamp(3) CHECK (at = ANY (ARRAY['today', 'now']::timestamptz[])));
      CREATE INDEX ON kinds (codes) WHERE kind IN ('a', 'b');
      CREATE VIEW of_kind AS SELECT * FROM kinds WHERE kind LIKE ANY (ARRAY['a%', '%b']) OR kind IN ('c', 'd');
      CREATE POLICY of_kinds ON kinds USING (kind IN ('a', '(ARRAY[''b''])::text[]'));
      CREATE FUNCTION listed() RETURNS boolean LANGUAGE sql AS $$ SELECT 'a' = ANY ((ARRAY['a'::varchar])::text[]) $$;
      -- Objects that need each other in a circle.
      CREATE DOMAIN key AS bigint NOT NULL CHECK (value > 0);
      CREATE FUNCTION next_key() RETURNS key LANGUAGE sql AS 'SELECT 7::bigint';
      ALTER DOMAIN key SET DEFAULT next_key();
      CREATE TABLE keyed (id key PRIMARY KEY, label text);
      CREATE FUNCTION is_fine(keyed) RETURNS boolean LANGUAGE sql AS 'SELECT true';
      ALTER TABLE keyed ADD CHECK (is_fine(keyed));
      CREATE VIEW seen AS SELECT 1 AS n;
      CREATE FUNCTION seen_count() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM seen; END;
      CREATE OR REPLACE VIEW seen AS SELECT 1 AS n, seen_count() AS count;
      -- Children that differ from their parents, in columns that they inherit and in one that both have.
      CREATE SEQUENCE ids;
      CREATE TABLE root (id bigint NOT NULL, "it's" text DEFAULT 'x', n int DEFAULT 1, m int, own int);
      CREATE TABLE mid () INHERITS (root);
      ALTER TABLE mid ALTER id SET DEFAULT nextval('ids'), ALTER n DROP DEFAULT, ALTER m SET NOT NULL;
      CREATE TABLE leaf (own int DEFAULT 7) INHERITS (mid);
      ALTER TABLE leaf ALTER "it's" SET DEFAULT '5% ''sure''';
      COMMENT ON COLUMN leaf.n IS '5% ''sure''';
      GRANT SELECT (n) ON leaf TO pg_monitor;
      CREATE TABLE lists (k int NOT NULL, v int DEFAULT 1, w int DEFAULT 2) PARTITION BY LIST (k);
      CREATE TABLE list PARTITION OF lists (v DEFAULT 5) FOR VALUES IN (1);
      ALTER TABLE list ALTER w DROP DEFAULT, ALTER v SET NOT NULL;
      -- NOT NULL constraints that are not called what a copy would call them; two have each other's names.
      CREATE TABLE "once ""so""" (x int NOT NULL, y int NOT NULL, id int PRIMARY KEY);
      ALTER TABLE "once ""so""" RENAME x TO z;
      ALTER TABLE "once ""so""" RENAME y TO x;
      ALTER TABLE "once ""so""" RENAME z TO y;
      CREATE TABLE "like it" (LIKE "once ""so""");
      CREATE TABLE "of it" () INHERITS ("once ""so""");
      CREATE TABLE checked (x int CONSTRAINT checked_x_not_null CHECK (x IS NOT NULL));
      ALTER TABLE checked ALTER x SET NOT NULL;
      DO $$ BEGIN
        FOR i IN 1..200 LOOP
          EXECUTE format('CREATE TABLE before_%1$s (n int NOT NULL); ALTER TABLE before_%1$s RENAME TO after_%1$s', i);
        END LOOP;
        IF current_setting('server_version_num')::int >= 180000 THEN
          CREATE TABLE strict (a int CONSTRAINT "a's" NOT NULL, b int NOT NULL NO INHERIT, c int, d int NOT NULL);
          ALTER TABLE strict ADD CONSTRAINT "100%" NOT NULL c NOT VALID;
          COMMENT ON CONSTRAINT "100%" ON strict IS 'not yet';
          CREATE TABLE lax () INHERITS (strict);
          ALTER TABLE lax ALTER d SET NOT NULL;
          CREATE TABLE stricter (a int CONSTRAINT other NOT NULL, CONSTRAINT bee NOT NULL b) INHERITS (strict);
          COMMENT ON CONSTRAINT bee ON stricter IS 'its own';
        END IF;
      END $$;
      CREATE SCHEMA ledger; CREATE TABLE ledger.entries (id int);
      CREATE VIEW of_ledger AS SELECT * FROM ledger.entries;
      DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = "$user", "Üben, ""so"""', current_database());
        EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET statement_timeout = ''9s''', current_database());
      END $$;
      CREATE EVENT TRIGGER shout ON ddl_command_end EXECUTE FUNCTION shout();
    `)
    shadow = await openShadow(source, { except: ['ledger'] })
  })

  afterAll(async () => {
    await shadow.close()
    await database.drop()
  })

  test('names the objects that it lacks, and those that need them', () => {
    expect(shadow.notCopied).toEqual([
      {
        object: 'cast ("Üben, ""so""".mood AS text)',
        reason: 'hundredfold does not copy this kind of object',
      },
      // A view that calls a function that reads the view: made in two steps, which the catalog does not show.
      { object: 'function "Üben, ""so""".seen_count()', reason: 'relation "Üben, "so".seen" does not exist' },
      {
        object: 'text search configuration "Üben, ""so""".plain',
        reason: 'hundredfold does not copy this kind of object',
      },
      {
        object: 'view "Üben, ""so""".of_ledger',
        reason: 'relation "ledger.entries" does not exist',
      },
      { object: 'view "Üben, ""so""".seen', reason: 'function Üben, "so".seen_count() does not exist' },
    ])
  })

  test('has all other objects', async () => {
    const copy = await shadow.connect()
    const left = differences(
      await readFingerprint(source, { except: ['ledger'] }),
      await readFingerprint(copy),
    ).map(({ object }) => object)
    expect(left).toEqual(shadow.notCopied.map(({ object }) => object))
    await copy.end()
  })

  test('has the names of NOT NULL constraints, inherited ones too', async () => {
    const named = async (client: Client): Promise<unknown[]> => {
      const { rows } = await client.query<object>(
        `SELECT conrelid::regclass::text AS table, conname AS name, conislocal, coninhcount, connoinherit
         FROM pg_constraint WHERE contype = 'n' AND conrelid >= 16384 ORDER BY 1, 2`,
      )
      return rows
    }
    const copy = await shadow.connect()
    expect(await named(copy)).toEqual(await named(source))
    await copy.end()
  })

  test('leaves the source as it was', async () => {
    const { rows } = await source.query<{ written: boolean }>(
      'SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS written',
    )
    expect(rows).toEqual([{ written: false }])
  })
})

describe('the shadow of a database with an extension that is not there', () => {
  let server: EmbeddedServer
  let source: Client
  let shadow: Shadow

  beforeAll(async () => {
    // Trusting an extension makes the server run from a copy of its installation, which we may add to.
    server = await startEmbedded({ trustedExtensions: ['pg_trgm'] })
    const extensions = join(server.installationDirectory, 'share/postgresql/extension')
    writeFileSync(join(extensions, 'faraway.control'), `default_version = '1.0'\nrelocatable = true\n`)
    writeFileSync(
      join(extensions, 'faraway--1.0.sql'),
      `CREATE TYPE place;
       CREATE FUNCTION place_in(cstring) RETURNS place LANGUAGE internal IMMUTABLE STRICT AS 'textin';
       CREATE FUNCTION place_out(place) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
       CREATE TYPE place (INPUT = place_in, OUTPUT = place_out, LIKE = text,
                          TYPMOD_IN = varchartypmodin, TYPMOD_OUT = varchartypmodout);
       CREATE FUNCTION is_far(place) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'textlen';
       CREATE FUNCTION nearer(place, place) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'text_lt';
       CREATE OPERATOR <~ (FUNCTION = nearer, LEFTARG = place, RIGHTARG = place);`,
    )
    source = await connect(server.url())
    await source.query(`
      CREATE EXTENSION faraway;
      CREATE TABLE towns (id int PRIMARY KEY, at place(3), many place[]);
      CREATE VIEW far AS SELECT id FROM towns WHERE is_far(at);
      CREATE VIEW near AS SELECT id FROM towns WHERE at <~ 'here';
      CREATE VIEW names AS SELECT id FROM towns;
    `)
    shadow = await openShadow(source)
  })

  afterAll(async () => {
    await shadow.close()
    await source.end()
    await server.stop()
  })

  test('has stand-ins for its types and functions, and names the objects that need them', () => {
    const standIn = 'depends on extension faraway, for which the shadow has only stand-ins'
    expect(shadow.notCopied).toEqual([
      { object: 'column public.towns.at', reason: standIn },
      { object: 'column public.towns.many', reason: standIn },
      {
        object: 'extension faraway',
        reason: 'not available here; types and functions of the same names stand in for its own',
      },
      { object: 'view public.far', reason: standIn },
      {
        object: 'view public.near',
        reason: `operator does not exist: public.place public.<~ public.place; ${standIn}`,
      },
    ])
  })

  test('has the table that mentions its type', async () => {
    const copy = await shadow.connect()
    const { rows } = await copy.query<{ type: string }>(
      `SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute
       WHERE attrelid = 'towns'::regclass AND attname = 'at'`,
    )
    expect(rows).toEqual([{ type: 'place(3)' }])
    await copy.end()
  })
})

describe.skipIf(engineIsMissing('postgres14'))('the shadow of a database before PostgreSQL 15', () => {
  test('has the schema public with the owner and grants of the source', async () => {
    const server = await startEmbedded({ version: 14 })
    try {
      const source = await connect(server.url())
      await source.query(`
        CREATE ROLE somebody; ALTER SCHEMA public OWNER TO somebody; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        GRANT USAGE ON SCHEMA public TO pg_monitor; CREATE TABLE public.t (id int)`)
      const shadow = await openShadow(source)
      expect(shadow.version).toBe(14)
      expect(shadow.notCopied).toEqual([])
      await shadow.close()
      await source.end()
    } finally {
      await server.stop()
    }
  })
})
