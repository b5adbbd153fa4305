import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { differences } from '../../src/fingerprint/differences.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { createDatabase } from '../support/database.ts'
import type { TestDatabase } from '../support/database.ts'

interface Change {
  kind: string
  change: string
  undo: string
  /** The sentences, from before to after; `...` stands for what does not matter here. */
  says: string[]
  /** First major version of PostgreSQL that knows it. */
  since?: number
}

const schema = `
  CREATE SCHEMA app;
  CREATE TYPE app.status AS ENUM ('new', 'done');
  CREATE DOMAIN app.email AS text;
  CREATE TYPE app.address AS (street text, city text);
  CREATE SEQUENCE app.counter;
  CREATE TABLE app.users (id int PRIMARY KEY, email text);
  CREATE TABLE app."Tasks" (
    id int PRIMARY KEY, owner_id int REFERENCES app.users, title text DEFAULT 'none', note text,
    price numeric CONSTRAINT "price is positive" CHECK (price > 0), state app.status);
  ALTER TABLE app."Tasks" ENABLE ROW LEVEL SECURITY;
  CREATE INDEX tasks_title_idx ON app."Tasks" (title);
  CREATE POLICY "own rows" ON app."Tasks" USING (owner_id = 1);
  CREATE FUNCTION app.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RETURN new;
    END $$;
  CREATE TRIGGER stamp BEFORE UPDATE ON app."Tasks" FOR EACH ROW EXECUTE FUNCTION app.stamp();
  CREATE VIEW app.titles AS SELECT id, title FROM app."Tasks";
  CREATE MATERIALIZED VIEW app.totals AS SELECT owner_id, sum(price) FROM app."Tasks" GROUP BY 1;
  CREATE TABLE app.events (at date NOT NULL, id int NOT NULL) PARTITION BY RANGE (at);
  CREATE TABLE app.events_2024 PARTITION OF app.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE INDEX events_id_idx ON app.events (id);
  CREATE PUBLICATION news FOR TABLE app.users;
`

const tasks = 'app."Tasks"'
const changes: Change[] = [
  {
    kind: 'a schema',
    change: 'CREATE SCHEMA extra',
    undo: 'DROP SCHEMA extra',
    says: ['schema extra: is new'],
  },
  {
    kind: 'a table',
    change: 'CREATE TABLE app.extra (id int PRIMARY KEY)',
    undo: 'DROP TABLE app.extra',
    says: ['table app.extra: is new'],
  },
  {
    kind: 'a column',
    change: `ALTER TABLE ${tasks} ADD COLUMN extra int`,
    undo: `ALTER TABLE ${tasks} DROP COLUMN extra`,
    says: ['column app."Tasks".extra: is new'],
  },
  {
    kind: 'the type of a column',
    change: `ALTER TABLE ${tasks} ALTER COLUMN note TYPE varchar(20)`,
    undo: `ALTER TABLE ${tasks} ALTER COLUMN note TYPE text`,
    says: ['column app."Tasks".note: type was text, is character varying(20)'],
  },
  {
    kind: 'a default',
    change: `ALTER TABLE ${tasks} ALTER COLUMN title DROP DEFAULT`,
    undo: `ALTER TABLE ${tasks} ALTER COLUMN title SET DEFAULT 'none'`,
    says: [`column app."Tasks".title: default was 'none'::text, is unset`],
  },
  {
    kind: 'NOT NULL',
    change: `ALTER TABLE ${tasks} ALTER COLUMN note SET NOT NULL`,
    undo: `ALTER TABLE ${tasks} ALTER COLUMN note DROP NOT NULL`,
    says: ['column app."Tasks".note: not null was no, is yes', '...'],
  },
  {
    kind: 'a check constraint that is not validated',
    change: `ALTER TABLE ${tasks} ADD CONSTRAINT short CHECK (length(title) < 99) NOT VALID`,
    undo: `ALTER TABLE ${tasks} DROP CONSTRAINT short`,
    says: ['constraint short on app."Tasks": is new'],
  },
  {
    kind: 'a foreign key',
    change: `ALTER TABLE ${tasks} DROP CONSTRAINT "Tasks_owner_id_fkey"`,
    undo: `ALTER TABLE ${tasks} ADD FOREIGN KEY (owner_id) REFERENCES app.users`,
    says: ['constraint "Tasks_owner_id_fkey" on app."Tasks": is missing'],
  },
  {
    kind: 'the storage parameters of the index behind a primary key',
    change: `ALTER INDEX app."Tasks_pkey" SET (fillfactor = 70)`,
    undo: `ALTER INDEX app."Tasks_pkey" RESET (fillfactor)`,
    says: ['index app."Tasks_pkey": storage parameter fillfactor was unset, is 70'],
  },
  {
    kind: 'an index',
    change: 'DROP INDEX app.tasks_title_idx',
    undo: `CREATE INDEX tasks_title_idx ON ${tasks} (title)`,
    says: ['index app.tasks_title_idx: is missing'],
  },
  {
    kind: 'the predicate of an index',
    change: `DROP INDEX app.tasks_title_idx; CREATE INDEX tasks_title_idx ON ${tasks} (title) WHERE id > 9`,
    undo: `DROP INDEX app.tasks_title_idx; CREATE INDEX tasks_title_idx ON ${tasks} (title)`,
    says: [
      'index app.tasks_title_idx: definition was CREATE INDEX tasks_title_idx ON app."Tasks" USING btree (title), ' +
        'is CREATE INDEX tasks_title_idx ON app."Tasks" USING btree (title) WHERE (id > 9)',
    ],
  },
  {
    kind: 'an index that only a partition has',
    change: 'CREATE INDEX extra ON app.events_2024 (at)',
    undo: 'DROP INDEX app.extra',
    says: ['index app.extra: is new'],
  },
  {
    kind: 'the statistics target of an index expression',
    change: `CREATE INDEX lowered ON ${tasks} (lower(title)); ALTER INDEX app.lowered ALTER COLUMN 1 SET STATISTICS 9`,
    undo: 'DROP INDEX app.lowered',
    says: ['index app.lowered: is new'],
  },
  {
    kind: 'the cluster mark',
    change: `ALTER TABLE ${tasks} CLUSTER ON tasks_title_idx`,
    undo: `ALTER TABLE ${tasks} SET WITHOUT CLUSTER`,
    says: ['index app.tasks_title_idx: clustered on was unset, is yes'],
  },
  {
    kind: 'the predicate of a policy',
    change: `ALTER POLICY "own rows" ON ${tasks} USING (owner_id = 2)`,
    undo: `ALTER POLICY "own rows" ON ${tasks} USING (owner_id = 1)`,
    says: ['policy "own rows" on app."Tasks": using expression was (owner_id = 1), is (owner_id = 2)'],
  },
  {
    kind: 'the roles of a policy',
    change: `ALTER POLICY "own rows" ON ${tasks} TO pg_monitor`,
    undo: `ALTER POLICY "own rows" ON ${tasks} TO public`,
    says: ['policy "own rows" on app."Tasks": roles were {public}, are {pg_monitor}'],
  },
  {
    kind: 'row-level security',
    change: `ALTER TABLE ${tasks} DISABLE ROW LEVEL SECURITY`,
    undo: `ALTER TABLE ${tasks} ENABLE ROW LEVEL SECURITY`,
    says: ['table app."Tasks": row security was yes, is no'],
  },
  {
    kind: 'row-level security for the owner',
    change: `ALTER TABLE ${tasks} FORCE ROW LEVEL SECURITY`,
    undo: `ALTER TABLE ${tasks} NO FORCE ROW LEVEL SECURITY`,
    says: ['table app."Tasks": force row security was no, is yes'],
  },
  {
    kind: 'the body of a function',
    change: `CREATE OR REPLACE FUNCTION app.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RETURN old;
    END $$`,
    undo: `CREATE OR REPLACE FUNCTION app.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RETURN new;
    END $$`,
    says: ['function app.stamp(): definition differs in line 6: was "RETURN new;", is "RETURN old;"'],
  },
  {
    kind: 'the volatility and search_path of a function',
    change: `ALTER FUNCTION app.stamp() STABLE SET search_path = ''`,
    undo: 'ALTER FUNCTION app.stamp() VOLATILE RESET search_path',
    says: ['function app.stamp(): definition differs in line 4: was "AS $function$", is "STABLE"'],
  },
  {
    kind: 'a disabled trigger',
    change: `ALTER TABLE ${tasks} DISABLE TRIGGER stamp`,
    undo: `ALTER TABLE ${tasks} ENABLE TRIGGER stamp`,
    says: ['trigger stamp on app."Tasks": enabled was enabled, is disabled'],
  },
  {
    kind: 'a foreign key that is not enforced',
    change: `ALTER TABLE ${tasks} DISABLE TRIGGER ALL`,
    undo: `ALTER TABLE ${tasks} ENABLE TRIGGER ALL`,
    says: [
      'constraint "Tasks_owner_id_fkey" on app."Tasks": enforcing triggers were unset, are disabled',
      'trigger stamp on app."Tasks": enabled was enabled, is disabled',
    ],
  },
  {
    kind: 'a view',
    change: 'CREATE OR REPLACE VIEW app.titles AS SELECT id, upper(title) AS title FROM app."Tasks"',
    undo: 'CREATE OR REPLACE VIEW app.titles AS SELECT id, title FROM app."Tasks"',
    says: ['view app.titles: definition differs in line 2: ...'],
  },
  {
    kind: 'security_invoker of a view',
    since: 15,
    change: 'ALTER VIEW app.titles SET (security_invoker = on)',
    undo: 'ALTER VIEW app.titles RESET (security_invoker)',
    says: ['view app.titles: option security_invoker was unset, is on'],
  },
  {
    kind: 'a grant on a column of a view',
    change: 'GRANT SELECT (title) ON app.titles TO pg_monitor',
    undo: 'REVOKE SELECT (title) ON app.titles FROM pg_monitor',
    says: ['column app.titles.title: privileges of pg_monitor were unset, are {SELECT}'],
  },
  {
    kind: 'a materialized view',
    change: 'DROP MATERIALIZED VIEW app.totals',
    undo: 'CREATE MATERIALIZED VIEW app.totals AS SELECT owner_id, sum(price) FROM app."Tasks" GROUP BY 1',
    says: ['materialized view app.totals: is missing'],
  },
  {
    kind: 'an enum',
    change: `ALTER TYPE app.status RENAME VALUE 'done' TO 'over'`,
    undo: `ALTER TYPE app.status RENAME VALUE 'over' TO 'done'`,
    says: ['type app.status: values were {new, done}, are {new, over}'],
  },
  {
    kind: 'a domain',
    change: `ALTER DOMAIN app.email ADD CONSTRAINT at CHECK (value LIKE '%@%')`,
    undo: 'ALTER DOMAIN app.email DROP CONSTRAINT at',
    says: ['constraint at on app.email: is new'],
  },
  {
    kind: 'a composite type',
    change: 'ALTER TYPE app.address ADD ATTRIBUTE country text',
    undo: 'ALTER TYPE app.address DROP ATTRIBUTE country',
    says: ['attribute app.address.country: is new'],
  },
  {
    kind: 'a sequence',
    change: 'ALTER SEQUENCE app.counter INCREMENT 2',
    undo: 'ALTER SEQUENCE app.counter INCREMENT 1',
    says: ['sequence app.counter: increment was 1, is 2'],
  },
  {
    kind: 'a grant',
    change: `GRANT SELECT ON ${tasks} TO pg_monitor WITH GRANT OPTION`,
    undo: `REVOKE SELECT ON ${tasks} FROM pg_monitor`,
    says: ['table app."Tasks": privileges of pg_monitor were unset, are {SELECT with grant option}'],
  },
  {
    kind: 'a grant on a column',
    change: `GRANT UPDATE (title) ON ${tasks} TO pg_monitor`,
    undo: `REVOKE UPDATE (title) ON ${tasks} FROM pg_monitor`,
    says: ['column app."Tasks".title: privileges of pg_monitor were unset, are {UPDATE}'],
  },
  {
    kind: 'the right to execute a function',
    change: 'REVOKE EXECUTE ON FUNCTION app.stamp() FROM public',
    undo: 'GRANT EXECUTE ON FUNCTION app.stamp() TO public',
    says: ['function app.stamp(): privileges of public were {EXECUTE}, are none'],
  },
  {
    kind: 'default privileges',
    change: 'ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO pg_monitor',
    undo: 'ALTER DEFAULT PRIVILEGES IN SCHEMA app REVOKE SELECT ON TABLES FROM pg_monitor',
    says: [
      'default privileges of ... on tables in schema app: privileges of pg_monitor were unset, are {SELECT}',
    ],
  },
  {
    kind: 'a comment',
    change: `COMMENT ON COLUMN ${tasks}.title IS 'what to do'`,
    undo: `COMMENT ON COLUMN ${tasks}.title IS NULL`,
    says: ['column app."Tasks".title: comment was unset, is what to do'],
  },
  {
    kind: 'storage parameters of a table',
    change: `ALTER TABLE ${tasks} SET (autovacuum_vacuum_scale_factor = 0.01)`,
    undo: `ALTER TABLE ${tasks} RESET (autovacuum_vacuum_scale_factor)`,
    says: ['table app."Tasks": storage parameter autovacuum_vacuum_scale_factor was unset, is 0.01'],
  },
  {
    kind: 'storage parameters of a TOAST table',
    change: `ALTER TABLE ${tasks} SET (toast.autovacuum_enabled = off)`,
    undo: `ALTER TABLE ${tasks} RESET (toast.autovacuum_enabled)`,
    says: ['table app."Tasks": storage parameter toast.autovacuum_enabled was unset, is off'],
  },
  {
    kind: 'an unlogged table',
    change: 'ALTER TABLE app.events_2024 SET UNLOGGED',
    undo: 'ALTER TABLE app.events_2024 SET LOGGED',
    says: ['table app.events_2024: persistence was permanent, is unlogged'],
  },
  {
    kind: 'replica identity',
    change: `ALTER TABLE ${tasks} REPLICA IDENTITY FULL`,
    undo: `ALTER TABLE ${tasks} REPLICA IDENTITY DEFAULT`,
    says: ['table app."Tasks": replica identity was default, is full'],
  },
  {
    kind: 'a statistics object',
    change: `CREATE STATISTICS app.together (dependencies) ON owner_id, price FROM ${tasks}`,
    undo: 'DROP STATISTICS app.together',
    says: ['statistics app.together: is new'],
  },
  {
    kind: 'a statistics target',
    change: `ALTER TABLE ${tasks} ALTER COLUMN title SET STATISTICS 500`,
    undo: `ALTER TABLE ${tasks} ALTER COLUMN title SET STATISTICS -1`,
    says: ['column app."Tasks".title: statistics target was unset, is 500'],
  },
  {
    kind: 'n_distinct',
    change: `ALTER TABLE ${tasks} ALTER COLUMN title SET (n_distinct = -0.5)`,
    undo: `ALTER TABLE ${tasks} ALTER COLUMN title RESET (n_distinct)`,
    says: ['column app."Tasks".title: option n_distinct was unset, is -0.5'],
  },
  {
    kind: 'the storage of a column',
    change: `ALTER TABLE ${tasks} ALTER COLUMN title SET STORAGE EXTERNAL`,
    undo: `ALTER TABLE ${tasks} ALTER COLUMN title SET STORAGE EXTENDED`,
    says: ['column app."Tasks".title: storage was unset, is external'],
  },
  {
    kind: 'the compression of a column',
    change: `ALTER TABLE ${tasks} ALTER COLUMN title SET COMPRESSION pglz`,
    undo: `ALTER TABLE ${tasks} ALTER COLUMN title SET COMPRESSION DEFAULT`,
    says: ['column app."Tasks".title: compression was unset, is pglz'],
  },
  {
    kind: 'a partition',
    change: 'ALTER TABLE app.events DETACH PARTITION app.events_2024',
    undo: `ALTER TABLE app.events ATTACH PARTITION app.events_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')`,
    says: [
      '...',
      `table app.events_2024: partition bound was FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'), is unset`,
    ],
  },
  {
    kind: 'a publication',
    change: `ALTER PUBLICATION news ADD TABLE ${tasks}`,
    undo: `ALTER PUBLICATION news DROP TABLE ${tasks}`,
    says: ['published table app."Tasks" in news: is new'],
  },
  {
    kind: 'a rule',
    change: 'CREATE RULE silent AS ON DELETE TO app.users DO INSTEAD NOTHING',
    undo: 'DROP RULE silent ON app.users',
    says: ['rule silent on app.users: is new'],
  },
  {
    kind: 'an extension',
    change: 'CREATE EXTENSION pg_trgm SCHEMA app',
    undo: 'DROP EXTENSION pg_trgm',
    says: ['extension pg_trgm: is new'],
  },
  {
    kind: 'a cast',
    change: 'CREATE CAST (app.address AS text) WITH INOUT',
    undo: 'DROP CAST (app.address AS text)',
    says: ['cast (app.address AS text): is new'],
  },
  {
    kind: 'an operator',
    change: 'CREATE OPERATOR app.<%> (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)',
    undo: 'DROP OPERATOR app.<%> (int, int)',
    says: ['operator app."<%>"(integer, integer): is new'],
  },
  {
    kind: 'a text search configuration',
    change: 'CREATE TEXT SEARCH CONFIGURATION app.plain (COPY = simple)',
    undo: 'DROP TEXT SEARCH CONFIGURATION app.plain',
    says: ['text search configuration app.plain: is new'],
  },
  {
    kind: 'an event trigger',
    change: `CREATE FUNCTION app.seen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
             CREATE EVENT TRIGGER seen ON ddl_command_end EXECUTE FUNCTION app.seen()`,
    undo: 'DROP EVENT TRIGGER seen; DROP FUNCTION app.seen()',
    says: ['event trigger seen: is new', 'function app.seen(): is new'],
  },
  {
    kind: 'a setting of the database',
    change: `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 9000', current_database()); END $$`,
    undo: `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET statement_timeout', current_database()); END $$`,
    says: ['database: setting statement_timeout was unset, is 9000'],
  },
  {
    kind: 'a setting of a role in the database',
    change: `DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET work_mem = 9000', current_database()); END $$`,
    undo: `DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I RESET work_mem', current_database()); END $$`,
    says: ['settings of role ... in this database: setting work_mem was unset, is 9000'],
  },
]

describe('the fingerprint of a schema', () => {
  let database: TestDatabase
  let client: Client
  let major: number

  beforeAll(async () => {
    database = await createDatabase({ from: 'empty' })
    client = await connect(database.url)
    await client.query(schema)
    const version = await client.query<{ major: number }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS major`,
    )
    major = version.rows[0]?.major ?? 0
  })

  afterAll(async () => {
    await client.end()
    await database.drop()
  })

  test.each(changes)(
    'sees $kind change, and the change undone',
    async ({ change, undo, says, since = 14 }) => {
      if (major < since) return
      const before = await readFingerprint(client)
      await client.query(change)
      const changed = await readFingerprint(client)
      await client.query(undo)
      const after = await readFingerprint(client)

      expect(changed.hash).not.toBe(before.hash)
      const sentences = differences(before, changed).map(({ sentence }) => sentence)
      for (const said of says) expect(sentences).toContainEqual(like(said))
      if (!says.includes('...')) expect(sentences).toHaveLength(says.length)
      expect(after.text).toBe(before.text)
      expect(differences(before, after)).toEqual([])
    },
  )
})

/** A sentence in which `...` stands for anything. */
function like(sentence: string): unknown {
  const literal = sentence.split('...').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return expect.stringMatching(new RegExp(`^${literal.join('.*')}$`))
}
