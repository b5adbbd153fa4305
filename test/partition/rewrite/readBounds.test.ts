import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Split } from '../../../src/catalog/partitions.ts'
import { readFingerprint } from '../../../src/fingerprint/fingerprint.ts'
import { planPartitions } from '../../../src/partition/plan.ts'
import { runDown, runUp } from '../../migrate/run.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { migrationDirectory } from '../../support/migrationFiles.ts'
import { writeSeries } from '../writeSeries.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  owner = await database.connect(database.ownerUrl)
  // What the session says of dates must not get into the files.
  await owner.query(`
    SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET bytea_output = 'escape'; SET extra_float_digits = 0;
    CREATE SCHEMA private;
    CREATE SCHEMA "Odd types";
    CREATE TYPE "Odd types"."The state" AS ENUM ('new', 'it''s over', 'gone "away"');
    CREATE DOMAIN "Odd types".size AS integer CHECK (value > 0)`)
})
afterAll(() => database.drop())

interface Key {
  type: string
  /** Of the row with this id: SQL. */
  value: string
  values: number
  /** One that comes later: SQL. */
  later?: string
}

const keys: Key[] = [
  {
    // The rarest value stands for a row that is not there.
    type: 'text',
    value: "(ARRAY['$$ $fill$ %s %I {batch} ${x} `y` \\ ''', 'plain', 'plain'])[1 + id % 3]",
    values: 2,
    later: `E'a\\nb'`,
  },
  { type: 'integer', value: 'id % 5 - 2', values: 5, later: '77' },
  { type: 'uuid', value: `md5((id % 3)::text)::uuid`, values: 3, later: `md5('x')::uuid` },
  { type: 'boolean', value: 'id % 2 = 0', values: 2 },
  {
    type: '"Odd types"."The state"',
    value: `(ARRAY['new', 'it''s over'])[1 + id % 2]::"Odd types"."The state"`,
    values: 2,
    later: `'gone "away"'`,
  },
  { type: '"Odd types".size', value: '1 + id % 3', values: 3, later: '9' },
  { type: 'date', value: `date '2026-11-02' + id::integer % 3`, values: 3, later: `date '2026-02-11'` },
  {
    type: 'timestamptz',
    value: `timestamptz '2026-11-02 03:04:05.678901+00' + id % 2 * interval '1 day'`,
    values: 2,
  },
  {
    type: 'interval',
    value: `id % 3 * interval '1 day 2 hours' - interval '1 day'`,
    values: 3,
    later: `interval '1 year'`,
  },
  { type: 'numeric(8, 2)', value: 'id % 4 / 4.0', values: 4, later: '7.25' },
  { type: 'double precision', value: 'id % 3 / 3.0::float8', values: 3, later: `'NaN'` },
  {
    type: 'bytea',
    value: String.raw`('\x00ff' || decode(lpad((id % 2)::text, 2, '0'), 'hex'))::bytea`,
    values: 2,
  },
  { type: 'varchar(20)', value: `(ARRAY['a', '', 'A'])[1 + id % 3]`, values: 3, later: `'later'` },
  { type: 'char(3)', value: `(ARRAY['a', 'b '])[1 + id % 2]`, values: 2, later: `'c'` },
  { type: 'inet', value: `inet '10.0.0.0' + id % 3`, values: 3, later: `inet '::1'` },
  { type: 'integer[]', value: 'ARRAY[id % 2, NULL]::integer[]', values: 2, later: `'{}'` },
]

const hashed = ['uuid', '"Odd types"."The state"', '"Odd types".size', 'numeric(8, 2)', 'integer[]']
const asked: (Key & { way: string; split: Split })[] = [
  ...keys.map((key) => ({ ...key, way: 'a list', split: { by: 'list' as const } })),
  ...keys
    .filter(({ type }) => hashed.includes(type))
    .map((key) => ({ ...key, way: 'a hash', split: { by: 'hash' as const, modulus: 2 } })),
]

test.each(asked)(
  '$type is the key of $way, on the way there and back',
  async ({ type, value, values, later, split }) => {
    await owner.query(`
      DROP TABLE IF EXISTS public.parts, public.things;
      CREATE TABLE public.things (id integer PRIMARY KEY, kind ${type} NOT NULL);
      CREATE TABLE public.parts (id integer PRIMARY KEY, thing integer NOT NULL REFERENCES public.things);
      INSERT INTO public.things SELECT id, ${value} FROM generate_series(1, 60) id;
      INSERT INTO public.parts SELECT id, id FROM generate_series(1, 20) id`)
    const before = (await readFingerprint(owner)).text
    const { refused, operations } = await planPartitions(owner, {
      ...{ table: { schema: 'public', name: 'things' }, key: 'kind', rewriteHistory: true },
      ...{ accept: ['things_pkey'], ...split },
    })
    expect(refused).toEqual([])
    await using files = await migrationDirectory({})
    await writeSeries(files.path, operations)
    expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
    const { rows: leaves } = await owner.query<{ leaf: string; rows: number }>(
      `SELECT tableoid::regclass::text AS leaf, count(*)::int AS rows FROM public.things GROUP BY 1`,
    )
    if ('by' in split && split.by === 'list') expect(leaves).toHaveLength(values)
    // A row of each value gets a part: also of the one that stands for a row that is not there.
    await owner.query(`INSERT INTO public.parts SELECT 100 + id, id FROM public.things WHERE id > 40`)
    await expect(owner.query('INSERT INTO public.parts VALUES (999, 999)')).rejects.toMatchObject({
      code: '23503',
    })
    if (later !== undefined) {
      await owner.query(`
        INSERT INTO public.things VALUES (1001, ${later});
        INSERT INTO public.parts VALUES (1001, 1001);
        UPDATE public.things SET kind = ${later} WHERE id = 2`)
    }
    const { rows } = await owner.query('SELECT id, kind::text FROM public.things ORDER BY id')
    expect((await runDown(owner, files.path)).failure?.message).toBeUndefined()
    expect((await owner.query('SELECT id, kind::text FROM public.things ORDER BY id')).rows).toEqual(rows)
    expect((await readFingerprint(owner)).text).toBe(before)
  },
)

test('equal values that differ in how they are written stay as they were written', async () => {
  await owner.query(`
    DROP TABLE IF EXISTS public.prices;
    CREATE TABLE public.prices (id integer PRIMARY KEY, price numeric NOT NULL);
    INSERT INTO public.prices VALUES (1, 1.0), (2, 1.00), (3, 2)`)
  const { operations } = await planPartitions(owner, {
    ...{ table: { schema: 'public', name: 'prices' }, key: 'price', by: 'list', rewriteHistory: true },
    accept: ['prices_pkey'],
  })
  await using files = await migrationDirectory({})
  await writeSeries(files.path, operations)
  expect((await runUp(owner, files.path, { count: 2 })).failure?.message).toBeUndefined()
  await owner.query('UPDATE public.prices SET price = 1.000 WHERE id = 1')
  expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
  await owner.query('UPDATE public.prices SET price = 1 WHERE id = 2')
  expect((await runDown(owner, files.path)).failure?.message).toBeUndefined()
  const { rows } = await owner.query('SELECT price::text FROM public.prices ORDER BY id')
  expect(rows).toEqual([{ price: '1.000' }, { price: '1' }, { price: '2' }])
})
