import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Split } from '../../src/catalog/partitions.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const list: Split = { by: 'list' }
const hash: Split = { by: 'hash', modulus: 4 }

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  owner = await database.connect(database.ownerUrl)
  const superuser = await database.connect()
  await superuser.query(
    'CREATE SCHEMA IF NOT EXISTS extensions; CREATE EXTENSION citext SCHEMA extensions; GRANT USAGE ON SCHEMA extensions TO PUBLIC',
  )
  await owner.query(`
    CREATE COLLATION public.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TYPE public.pair AS (a integer, b integer);
    CREATE TABLE public.things (
      id integer PRIMARY KEY, kind text, twice integer GENERATED ALWAYS AS (id * 2) STORED, place point, data json,
      duo public.pair, few tsvector, xid xid, loose text COLLATE public.any_case, mail extensions.citext,
      places point[], mails extensions.citext[]);
    INSERT INTO public.things (id, kind) SELECT n, 'kind ' || n % 3 FROM generate_series(1, 10) n;
    CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TABLE public.empty (id integer PRIMARY KEY, kind text NOT NULL)`)
})
afterAll(() => database.drop())

async function refusedOf(key: string, split: Split, accept = ['things_pkey'], name = 'things') {
  const table = { schema: 'public', name }
  const plan = await planPartitions(owner, { table, key, rewriteHistory: true, accept, ...split })
  expect(plan.operations.length > 0).toBe(plan.refused.length === 0)
  return plan.refused.map((each) => `${each.name}: ${each.reason}`)
}

test.each([
  ['nothing', list, 'there is no such column'],
  ['twice', list, 'a generated column cannot be the key of partitions'],
  ['place', list, 'its type is point, whose values PostgreSQL cannot put into lists'],
  ['data', hash, 'its type is json, whose values have no hash'],
  ['duo', hash, 'its type is public.pair, whose values have no hash'],
  ['few', hash, 'its type is tsvector, whose values have no hash'],
  ['xid', list, 'its type is xid, whose values PostgreSQL cannot put into lists'],
  ['loose', list, 'its collation takes different texts for equal, so that they have no one partition'],
  ['loose', hash, 'its collation takes different texts for equal, so that they have no one partition'],
  ['mail', list, 'its type is extensions.citext, by whose operators the mirror cannot look rows up'],
  ['places', list, 'its type is point[], whose values PostgreSQL cannot put into lists'],
  ['mails', list, 'its type is extensions.citext[], by whose operators the mirror cannot look rows up'],
  ['mail', hash, 'its type is extensions.citext, by whose operators the mirror cannot look rows up'],
])('%s is no key of %o', async (key, split, reason) => {
  expect(await refusedOf(key, split)).toContain(`public.things.${key}: ${reason}`)
})

test('rows without a value are refused by the name of the key', async () => {
  await owner.query('UPDATE public.things SET kind = NULL WHERE id = 3')
  for (const split of [list, hash]) {
    expect(await refusedOf('kind', split)).toEqual([
      'public.things.kind: some rows have no value there, and fit no partition; give them one first',
    ])
  }
  await owner.query(`UPDATE public.things SET kind = 'kind 0' WHERE id = 3`)
  expect(await refusedOf('kind', list)).toEqual([])
  expect(await refusedOf('kind', hash)).toEqual([])
})

test('an empty table has nothing to copy', async () => {
  for (const split of [list, hash]) {
    expect(await refusedOf('kind', split, ['empty_pkey'], 'empty')).toEqual([
      'public.empty.kind: the table has no rows, and so nothing to copy; make a partitioned table in its place',
    ])
  }
})

test.each([
  ['BEFORE UPDATE', undefined],
  ['AFTER UPDATE', 'and then fires this trigger not as for an UPDATE'],
  ['BEFORE INSERT', 'and then fires this trigger as for a DELETE and an INSERT'],
  [
    'AFTER UPDATE OR DELETE',
    'and then fires this trigger not as for an UPDATE but as for a DELETE and an INSERT',
  ],
])('a trigger %s is named where it notices that a row moves', async (events, reason) => {
  await owner.query(
    `CREATE TRIGGER seen ${events} ON public.things FOR EACH ROW EXECUTE FUNCTION public.nothing()`,
  )
  const refused = await refusedOf('kind', list)
  const accepted = await refusedOf('kind', list, ['things_pkey', 'seen'])
  await owner.query('DROP TRIGGER seen ON public.things')
  expect(refused).toEqual(
    reason === undefined
      ? []
      : [`seen: an UPDATE that changes kind may move the row to another partition, ${reason}`],
  )
  expect(accepted).toEqual([])
})
