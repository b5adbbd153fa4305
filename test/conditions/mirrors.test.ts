import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { mirrorIsExact } from '../../src/conditions/mirrors.ts'
import { borrow } from '../../src/postgres/database.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  client = await database.connect(database.ownerUrl)
})
beforeEach(async () => {
  await client.query(`
    DROP TABLE IF EXISTS public.jobs, public.mirror;
    CREATE TABLE public.jobs (id bigint PRIMARY KEY, day date NOT NULL, note text, data json);
    INSERT INTO public.jobs SELECT id, date '2026-01-01' + id::int % 90, 'note ' || id, json_build_object('id', id)
    FROM generate_series(1, 1000) id;
    CREATE TABLE public.mirror (LIKE public.jobs) PARTITION BY RANGE (day);
    CREATE TABLE public.mirror_1 PARTITION OF public.mirror FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE public.mirror_2 PARTITION OF public.mirror DEFAULT;
    INSERT INTO public.mirror SELECT * FROM public.jobs ORDER BY note`)
  return () => client.query('DROP TABLE IF EXISTS public.mirror_1, public.mirror_2')
})
afterAll(() => database.drop())

const of = (name: string) => ({ schema: 'public', name })
const condition = mirrorIsExact(of('jobs'), of('mirror'), { id: ['id'], key: 'day', every: 'month' })

async function verdict() {
  return condition.check(borrow(client))
}

test('the same rows in another order are the same', async () => {
  expect(await verdict()).toEqual({ holds: true })
})

test.each([
  {
    what: 'a changed row',
    change: `UPDATE public.mirror SET note = 'other' WHERE id = 7`,
    found: 'other rows of the month from 2026-01-01 00:00:00+00: row (7) differs',
  },
  {
    what: 'a missing row',
    change: 'DELETE FROM public.mirror WHERE id = 40',
    found: 'other rows of the month from 2026-02-01 00:00:00+00: row (40) is only in public.jobs',
  },
  {
    what: 'an extra row',
    change: `INSERT INTO public.mirror VALUES (2000, '2026-03-01')`,
    found: 'other rows of the month from 2026-03-01 00:00:00+00: row (2000) is only in public.mirror',
  },
  {
    what: 'a row that is there twice, and another one that is not',
    change: `UPDATE public.mirror SET id = 8, note = 'note 8', data = '{"id" : 8}', day = '2026-01-09' WHERE id = 7`,
    found: 'other rows of the month from 2026-01-01 00:00:00+00: row (7) is only in public.jobs',
  },
  {
    what: 'a row with another key',
    change: `UPDATE public.mirror SET day = '2026-03-30' WHERE id = 7`,
    found:
      'other rows of the month from 2026-01-01 00:00:00+00 and in 1 other range: row (7) is only in public.jobs',
  },
  {
    what: 'an empty text in the place of none',
    change: `UPDATE public.jobs SET note = NULL WHERE id = 7; UPDATE public.mirror SET note = '' WHERE id = 7`,
    found: 'other rows of the month from 2026-01-01 00:00:00+00: row (7) differs',
  },
])('$what is found', async ({ change, found }) => {
  await client.query(change)
  expect(await verdict()).toEqual({ holds: false, expected: 'the same rows', actual: found })
})

test('a mirror that is gone is one only where the table has taken its place', async () => {
  await client.query('ALTER TABLE public.mirror RENAME TO other')
  expect(await verdict()).toMatchObject({ holds: false, actual: 'no table public.mirror' })
  await client.query('ALTER TABLE public.jobs RENAME TO before; ALTER TABLE public.other RENAME TO jobs')
  expect(await verdict()).toEqual({ holds: true })
  await client.query('DROP TABLE public.jobs, public.before')
  expect(await verdict()).toMatchObject({ holds: false, actual: 'no table public.jobs' })
})

test.each([
  { by: { by: 'list' as const }, where: 'of note note 7 and in 1 other range' },
  { by: { by: 'hash' as const, modulus: 2 }, where: 'of part [01] of 2 by note' },
])(
  'tables without a moment are compared by value, or by a part of all values: $by.by',
  async ({ by, where }) => {
    const other = mirrorIsExact(of('jobs'), of('mirror'), { id: ['id'], key: 'note', ...by })
    expect(await other.check(borrow(client))).toEqual({ holds: true })
    await client.query(`UPDATE public.mirror SET note = 'other' WHERE id = 7`)
    expect(await other.check(borrow(client))).toMatchObject({
      holds: false,
      actual: expect.stringMatching(
        `^other rows ${where}.*: row \\(7\\) (differs|is only in public.jobs)`,
      ) as string,
    })
  },
)
