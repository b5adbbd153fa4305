import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findWholeTable } from '../../src/catalog/wholeTable.ts'
import { obstaclesOf } from '../../src/partition/obstacles.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { borrow } from '../../src/postgres/database.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
})
afterAll(() => database.drop())

const base = `
  CREATE TABLE things (id integer, at timestamptz NOT NULL DEFAULT now(), name text, PRIMARY KEY (id, at));
  CREATE TABLE parts (id integer PRIMARY KEY, thing_id integer)`

/** The names of what stops the work, after the table was changed like this. */
async function obstaclesAfter(
  change: string,
  { key = 'at', accept = [] }: { key?: string; accept?: string[] } = {},
): Promise<string[]> {
  await owner.query(
    `DROP SCHEMA IF EXISTS thing_schema CASCADE; CREATE SCHEMA thing_schema; SET search_path = thing_schema`,
  )
  await owner.query(base)
  await owner.query(change)
  const plan = await planPartitions(owner, {
    table: { schema: 'thing_schema', name: 'things' },
    key,
    every: 'month',
    ahead: 1,
    accept,
  })
  return plan.refused.map(({ name, acceptable }) => (acceptable ? `${name} (may be accepted)` : name))
}

test('a plain table has no obstacles', async () => {
  expect(await obstaclesAfter('SELECT')).toEqual([])
})

test('a unique constraint without the key has to be accepted by its name', async () => {
  const change = 'ALTER TABLE things ADD CONSTRAINT one_name UNIQUE (name)'
  expect(await obstaclesAfter(change)).toEqual(['one_name (may be accepted)'])
  expect(await obstaclesAfter(change, { accept: ['one_name'] })).toEqual([])
})

test('what cannot be accepted stays an obstacle', async () => {
  expect(
    await obstaclesAfter('CREATE RULE twice AS ON INSERT TO things DO ALSO SELECT 1', { accept: ['twice'] }),
  ).toEqual(['twice'])
})

test.each([
  [
    'a unique index without the key',
    'CREATE UNIQUE INDEX one ON things (lower(name))',
    ['one (may be accepted)'],
  ],
  ['an exclusion constraint', 'ALTER TABLE things ADD CONSTRAINT no_two EXCLUDE (name WITH =)', ['no_two']],
  ['a NOT VALID check', 'ALTER TABLE things ADD CONSTRAINT named CHECK (name <> $$$$) NOT VALID', ['named']],
  ['a check with NO INHERIT', 'ALTER TABLE things ADD CONSTRAINT alone CHECK (id > 0) NO INHERIT', ['alone']],
  ['a child table', 'CREATE TABLE more () INHERITS (things)', ['thing_schema.things']],
  [
    'a parent',
    'CREATE TABLE of_all (id integer); ALTER TABLE things INHERIT of_all',
    ['thing_schema.things'],
  ],
  ['an unlogged table', 'ALTER TABLE things SET UNLOGGED', ['thing_schema.things']],
  [
    'a view that reads the table without its children',
    'CREATE VIEW alone AS SELECT count(*) FROM ONLY things',
    ['thing_schema.alone'],
  ],
  [
    'a materialized view that names the places of rows',
    'CREATE MATERIALIZED VIEW places AS SELECT ctid AS place FROM things',
    ['thing_schema.places'],
  ],
  [
    'a materialized view of a sample',
    'CREATE MATERIALIZED VIEW sampled AS SELECT id FROM things TABLESAMPLE system (10)',
    ['thing_schema.sampled'],
  ],
  [
    'statistics of a materialized view',
    `CREATE MATERIALIZED VIEW copy AS SELECT id, at FROM things; CREATE STATISTICS of_copy ON id, at FROM copy`,
    ['of_copy'],
  ],
  ['a column of its row type', 'CREATE TABLE kept (thing things)', ['table thing_schema.kept']],
  [
    'a view that relies on the primary key',
    'CREATE VIEW grouped AS SELECT id, at, name FROM things GROUP BY id, at',
    ['rule _RETURN on view thing_schema.grouped'],
  ],
  [
    'a trigger with transition tables',
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
     CREATE TRIGGER rows_too AFTER INSERT ON things REFERENCING NEW TABLE AS made FOR EACH ROW EXECUTE FUNCTION f()`,
    ['rows_too'],
  ],
  [
    'a foreign key to itself',
    `ALTER TABLE things ADD UNIQUE (id, at, name); ALTER TABLE things ADD before timestamptz;
     ALTER TABLE things ADD CONSTRAINT of_it FOREIGN KEY (id, before) REFERENCES things (id, at)`,
    ['of_it (may be accepted)'],
  ],
  [
    'a referencing table without a primary key',
    `ALTER TABLE things ADD CONSTRAINT one UNIQUE (id); CREATE TABLE loose (thing_id integer REFERENCES things (id))`,
    ['one (may be accepted)', 'thing_schema.loose'],
  ],
  [
    'a foreign key that sets defaults',
    `ALTER TABLE things ADD CONSTRAINT one UNIQUE (id);
     ALTER TABLE parts ADD CONSTRAINT of_thing FOREIGN KEY (thing_id) REFERENCES things (id) ON DELETE SET DEFAULT`,
    ['one (may be accepted)', 'of_thing'],
  ],
])('%s is an obstacle', async (_, change, names) => {
  expect(await obstaclesAfter(change)).toEqual(names)
})

test('rows that policies hide from their owner cannot be moved', async () => {
  await obstaclesAfter('ALTER TABLE things FORCE ROW LEVEL SECURITY')
  const things = await findWholeTable(borrow(owner), { schema: 'thing_schema', name: 'things' })
  const acting = { version: 18, isExempt: false, roles: new Set([things?.owner ?? '']) }
  const found = things ? obstaclesOf(things, 'at', [], acting) : []
  expect(found.map(({ name }) => name)).toEqual(['thing_schema.things'])
})

test.each([
  ['a column that is not there', 'gone', 'SELECT'],
  ['text', 'name', 'SELECT'],
  [
    'a generated column',
    'day',
    'ALTER TABLE things ADD day date GENERATED ALWAYS AS (date $$2026-01-01$$) STORED',
  ],
])('%s is no key', async (_, key, change) => {
  expect(await obstaclesAfter(change, { key, accept: ['things_pkey'] })).toEqual([
    `thing_schema.things.${key}`,
  ])
})

test('a key that some rows do not have is named', async () => {
  const change = `ALTER TABLE things ADD day date; INSERT INTO things VALUES (1)`
  expect(await obstaclesAfter(change, { key: 'day', accept: ['things_pkey'] })).toEqual([
    'thing_schema.things.day',
  ])
})
