import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lockWishes, lockWishesOfAll } from '../../../src/migrate/locks/lockWishes.ts'
import { findTargets } from '../../../src/migrate/locks/targets.ts'
import { connect } from '../../../src/postgres/connect.ts'
import type { EmbeddedServer } from '../../../src/servers/embedded.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { LockMode } from '../../../src/shadow/locks.ts'
import { lockStrength } from '../../../src/shadow/locks.ts'
import { splitStatements } from '../../../src/syntax/statements.ts'
import type { Engine } from '../../support/engines.ts'
import { engineIsMissing } from '../../support/engines.ts'

const schema = `
  CREATE SCHEMA "Odd one";
  CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE TABLE cities (id int PRIMARY KEY);
  CREATE TABLE people (id int PRIMARY KEY, name text, city int, CONSTRAINT city_fk FOREIGN KEY (city) REFERENCES cities,
    CONSTRAINT named CHECK (name <> ''), CONSTRAINT later CHECK (id > 0) NOT VALID);
  ALTER TABLE people DROP CONSTRAINT later;
  ALTER TABLE people ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
  ALTER TABLE people ADD CONSTRAINT later_fk FOREIGN KEY (id) REFERENCES cities NOT VALID;
  CREATE INDEX people_name ON people (name);
  CREATE UNIQUE INDEX people_city ON people (city);
  CREATE POLICY mine ON people;
  CREATE TRIGGER watch AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION noop();
  CREATE RULE rewritten AS ON UPDATE TO people DO ALSO NOTHING;
  CREATE STATISTICS together ON id, city FROM people;
  CREATE TABLE "Odd one"."a "" table" (id int);
  CREATE TABLE days (day int, note text, CONSTRAINT noted CHECK (note <> '') ) PARTITION BY RANGE (day);
  CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (1) TO (2);
  CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM (2) TO (5) PARTITION BY RANGE (day);
  CREATE TABLE days_2a PARTITION OF days_2 FOR VALUES FROM (2) TO (3);
  CREATE INDEX days_day ON days (day);
  CREATE TABLE days_9 (day int, note text, CONSTRAINT noted CHECK (note <> ''));
  CREATE TABLE weeks (week int) PARTITION BY LIST (week);
  CREATE TABLE weeks_1 PARTITION OF weeks FOR VALUES IN (1);
  CREATE INDEX weeks_week ON ONLY weeks (week);
  CREATE INDEX weeks_1_week ON weeks_1 (week);
  CREATE TABLE parent (id int);
  CREATE TABLE child () INHERITS (parent);
  CREATE TABLE apart (id int);
  CREATE VIEW seen AS SELECT id FROM people;
  CREATE MATERIALIZED VIEW kept AS SELECT id FROM people;
  CREATE UNIQUE INDEX kept_id ON kept (id);
  CREATE SEQUENCE numbers;
  CREATE PUBLICATION news;
`

const statements = [
  'ALTER TABLE people ADD COLUMN note text',
  'ALTER TABLE public.people ADD COLUMN home int REFERENCES cities',
  'ALTER TABLE people DROP COLUMN name',
  `ALTER TABLE people ALTER name SET DEFAULT ''`,
  'ALTER TABLE people ALTER name SET NOT NULL',
  'ALTER TABLE people ALTER name TYPE varchar(9)',
  'ALTER TABLE people ALTER name SET STATISTICS 500',
  'ALTER TABLE people ALTER name SET STORAGE EXTERNAL',
  'ALTER TABLE people ALTER name SET (n_distinct = 5)',
  'ALTER TABLE people SET (fillfactor = 90)',
  'ALTER TABLE people SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.1)',
  'ALTER TABLE people RESET (fillfactor)',
  'ALTER TABLE people SET (user_catalog_table = true)',
  'ALTER TABLE people SET (fillfactor = 90), ALTER name SET NOT NULL',
  `ALTER TABLE people ADD CONSTRAINT short CHECK (name <> 'x') NOT VALID`,
  'ALTER TABLE people ADD CONSTRAINT c2 FOREIGN KEY (city) REFERENCES cities NOT VALID',
  'ALTER TABLE people ADD CONSTRAINT u UNIQUE (name)',
  'ALTER TABLE people ADD CONSTRAINT u UNIQUE USING INDEX people_city',
  'ALTER TABLE people VALIDATE CONSTRAINT later',
  'ALTER TABLE people VALIDATE CONSTRAINT later_fk',
  'ALTER TABLE people DROP CONSTRAINT named',
  'ALTER TABLE people DROP CONSTRAINT city_fk',
  'ALTER TABLE people RENAME CONSTRAINT named TO called',
  'ALTER TABLE people RENAME name TO called',
  'ALTER TABLE people RENAME TO persons',
  'ALTER TABLE people SET SCHEMA "Odd one"',
  'ALTER TABLE people OWNER TO CURRENT_USER',
  'ALTER TABLE people ENABLE ROW LEVEL SECURITY',
  'ALTER TABLE people FORCE ROW LEVEL SECURITY',
  'ALTER TABLE people DISABLE TRIGGER watch',
  'ALTER TABLE people ENABLE TRIGGER USER',
  'ALTER TABLE people DISABLE RULE rewritten',
  'ALTER TABLE people REPLICA IDENTITY FULL',
  'ALTER TABLE people CLUSTER ON people_name',
  'ALTER TABLE people SET WITHOUT CLUSTER',
  'ALTER TABLE people SET UNLOGGED',
  'ALTER TABLE people ALTER id ADD GENERATED ALWAYS AS IDENTITY',
  'ALTER TABLE "Odd one"."a "" table" ADD b int',
  'ALTER TABLE days ADD COLUMN b int',
  'ALTER TABLE days ALTER note SET STATISTICS 5',
  'ALTER TABLE days ATTACH PARTITION days_9 FOR VALUES FROM (9) TO (10)',
  'ALTER TABLE days DETACH PARTITION days_1',
  'ALTER TABLE days DETACH PARTITION days_2',
  'ALTER TABLE days_1 SET (fillfactor = 80)',
  'ALTER TABLE days DROP CONSTRAINT noted',
  'ALTER TABLE days RENAME note TO remark',
  'ALTER TABLE days ENABLE ROW LEVEL SECURITY',
  'ALTER TABLE parent ADD b int',
  'ALTER TABLE apart INHERIT parent',
  'ALTER TABLE child NO INHERIT parent',
  'ALTER INDEX people_name RENAME TO by_name',
  'ALTER INDEX people_name SET (fillfactor = 80)',
  'ALTER INDEX weeks_week ATTACH PARTITION weeks_1_week',
  'ALTER VIEW seen SET (security_barrier = true)',
  'ALTER VIEW seen RENAME TO looked_at',
  'ALTER SEQUENCE numbers RESTART 5',
  'CREATE POLICY theirs ON people',
  'ALTER POLICY mine ON people USING (true)',
  'ALTER POLICY mine ON people RENAME TO ours',
  'DROP POLICY mine ON people',
  'CREATE TRIGGER other AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION noop()',
  'CREATE TRIGGER other AFTER INSERT ON days FOR EACH ROW EXECUTE FUNCTION noop()',
  'ALTER TRIGGER watch ON people RENAME TO look',
  'DROP TRIGGER watch ON people',
  'CREATE RULE another AS ON DELETE TO people DO ALSO NOTHING',
  'DROP RULE rewritten ON people',
  'CREATE INDEX people_id ON people (id)',
  'CREATE INDEX days_note ON days (note)',
  'CREATE INDEX days_note ON ONLY days (note)',
  'DROP INDEX people_name',
  'DROP INDEX days_day',
  'REINDEX TABLE people',
  'REINDEX INDEX people_name',
  'CREATE TABLE more (id int, city int REFERENCES cities)',
  'CREATE TABLE more (LIKE people)',
  'CREATE TABLE days_7 PARTITION OF days FOR VALUES FROM (7) TO (8)',
  'CREATE TABLE grandchild () INHERITS (child)',
  'DROP TABLE apart',
  'DROP TABLE days_1',
  'DROP TABLE days',
  'DROP TABLE cities CASCADE',
  'CREATE OR REPLACE VIEW seen AS SELECT id FROM people',
  'CREATE VIEW other AS SELECT id FROM people',
  'DROP VIEW seen',
  'REFRESH MATERIALIZED VIEW kept',
  'REFRESH MATERIALIZED VIEW CONCURRENTLY kept',
  'DROP MATERIALIZED VIEW kept',
  'DROP SEQUENCE numbers',
  'CREATE STATISTICS more ON id, name FROM people',
  'CREATE PUBLICATION other FOR TABLE people',
  'ALTER PUBLICATION news ADD TABLE people',
  'ALTER PUBLICATION news ADD TABLE days',
  `COMMENT ON TABLE people IS 'x'`,
  `COMMENT ON COLUMN people.name IS 'x'`,
  `COMMENT ON INDEX people_name IS 'x'`,
  `COMMENT ON VIEW seen IS 'x'`,
  `COMMENT ON FUNCTION noop() IS 'x'`,
  'TRUNCATE apart',
  'TRUNCATE days, parent',
  'TRUNCATE ONLY parent',
  'CLUSTER people USING people_name',
  'ANALYZE people',
  'LOCK TABLE people, days IN SHARE ROW EXCLUSIVE MODE',
  'LOCK TABLE ONLY days IN EXCLUSIVE MODE',
  'LOCK people',
  'INSERT INTO cities VALUES (1)',
  'UPDATE people SET name = name',
  'DELETE FROM apart',
  'SELECT FROM people FOR UPDATE',
  'GRANT SELECT ON people TO PUBLIC',
  `DO $$ BEGIN EXECUTE 'ALTER TABLE people ADD x int'; END $$`,
]

describe.each([14, 15, 16, 17, 18])('on PostgreSQL %i', (version) => {
  const missing = version !== 18 && engineIsMissing(`postgres${version}` as Engine)
  let server: EmbeddedServer
  let client: Client

  beforeAll(async () => {
    if (missing) return
    server = await startEmbedded({ version, settings: { autovacuum: 'off' } })
    client = await connect(server.url())
    await client.query(schema)
  })
  afterAll(async () => {
    if (missing) return
    await client.end()
    await server.stop()
  })

  test.skipIf(missing).each(statements)('%s', async (sql) => {
    const [statement] = await splitStatements(sql)
    if (!statement) throw new Error('no statement')
    await client.query('BEGIN')
    try {
      const wished = byRelation(
        (await findTargets(client, lockWishes(statement))).map(({ oid, mode }) => ({ oid, mode })),
      )
      const names = await namesOf()
      await client.query(sql)
      const taken = byRelation(await locksOfOurs())
      const isUnknown = 'DoStmt' in statement.node
      expect(spoken(wished, names)).toEqual(
        isUnknown ? {} : spoken(withoutParts(taken, wished, names), names),
      )
    } finally {
      await client.query('ROLLBACK')
    }
  })

  async function namesOf() {
    const { rows } = await client.query<{ oid: number; name: string; table: number | null }>(
      `SELECT class.oid, class.relname AS name, coalesce(index.indrelid, owner.oid) AS table
       FROM pg_class class LEFT JOIN pg_index index ON index.indexrelid = class.oid
       LEFT JOIN pg_class owner ON owner.reltoastrelid = coalesce(index.indrelid, class.oid)
       WHERE class.oid >= 16384`,
    )
    return new Map(rows.map(({ oid, ...row }) => [oid, row]))
  }

  async function locksOfOurs() {
    const { rows } = await client.query<{ oid: number; mode: LockMode }>(
      `SELECT relation AS oid, mode FROM pg_locks WHERE locktype = 'relation' AND pid = pg_backend_pid()`,
    )
    return rows.filter(({ mode }) => lockStrength(mode) >= lockStrength('ShareUpdateExclusiveLock'))
  }
})

async function wishedBy(sql: string) {
  return lockWishesOfAll(await splitStatements(sql)).map(({ relation: { schema, name } }) =>
    schema === undefined ? name : `${schema}.${name}`,
  )
}

test('what a migration makes is nothing to wait for', async () => {
  expect(
    await wishedBy('CREATE TABLE made (id int); ALTER TABLE made ADD b int; ALTER TABLE other ADD b int'),
  ).toEqual(['other'])
})

test.each(['SET search_path = app', `SELECT set_config('search_path', 'app', true)`, 'SET ROLE app'])(
  'after %s only names with a schema are known',
  async (change) => {
    const wished = await wishedBy(
      `ALTER TABLE a ADD x int; ${change}; ALTER TABLE b ADD x int; ALTER TABLE s.c ADD x int`,
    )
    expect(wished).toEqual(['a', 's.c'])
  },
)

test('a build that blocks nobody is nothing to wait for', async () => {
  expect(
    await wishedBy(
      'CREATE INDEX CONCURRENTLY ON a (b); DROP INDEX CONCURRENTLY i; REINDEX TABLE CONCURRENTLY a',
    ),
  ).toEqual([])
})

type Locks = Map<number, LockMode>
type Names = Map<number, { name: string; table: number | null }>

function byRelation(locks: { oid: number; mode: LockMode }[]): Locks {
  const strongest: Locks = new Map()
  for (const { oid, mode } of locks) {
    const known = strongest.get(oid)
    if (!known || lockStrength(mode) > lockStrength(known)) strongest.set(oid, mode)
  }
  return strongest
}

/** Whoever uses an index or a TOAST table has locked its table too: a wish for the table is enough. */
function withoutParts(taken: Locks, wished: Locks, names: Names): Locks {
  const table = (oid: number): number | null => {
    const above = names.get(oid)?.table ?? null
    return above === null ? null : (table(above) ?? above)
  }
  return new Map(
    [...taken].filter(([oid, mode]) => {
      const whole = table(oid)
      if (!names.has(oid)) return false
      if (whole === null || wished.has(oid)) return true
      return lockStrength(wished.get(whole) ?? 'AccessShareLock') < lockStrength(mode)
    }),
  )
}

function spoken(locks: Locks, names: Names): Record<string, LockMode> {
  return Object.fromEntries([...locks].map(([oid, mode]) => [names.get(oid)?.name ?? String(oid), mode]))
}
