import fc from 'fast-check'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { quote } from '../../src/postgres/identifiers.ts'
import type { KeyOrder } from '../../src/migrate/steps/keyRange.ts'
import { between, findBound, findLastKey } from '../../src/migrate/steps/keyRange.ts'
import { findWalkedKey } from '../../src/migrate/steps/walkedKey.ts'
import type { RunEvent } from '../../src/migrate/runOptions.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { batchedMigration, migrationDirectory } from '../support/migrationFiles.ts'
import { runUp } from './run.ts'

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  client = await database.connect(database.ownerUrl)
  await client.query(`CREATE TYPE public."mo""od" AS ENUM ('so-so', 'bad', 'good')`)
})
beforeEach(async () => {
  await client.query(
    'DROP TABLE IF EXISTS public.keyed; DROP SCHEMA IF EXISTS hundredfold CASCADE; RESET ALL',
  )
})
afterAll(() => database.drop())

const text = fc.string({ unit: 'binary', maxLength: 6 }).filter((value) => !value.includes('\0'))
const number = (min: number, max: number) => fc.integer({ min, max }).map(String)
const moment = fc.date({ min: new Date('1700-01-01'), max: new Date('2400-01-01'), noInvalidDate: true })

interface Kind {
  /** The columns of the key with their types; a column of the table is called `n` and one `key`. */
  columns: Record<string, string>
  index?: string
  values: fc.Arbitrary<string>[]
}

const kinds: Record<string, Kind> = {
  int: { columns: { id: 'int' }, values: [number(-5, 40)] },
  'int, index descending': { columns: { id: 'int' }, index: 'id DESC', values: [number(-5, 40)] },
  bigint: {
    columns: { id: 'bigint' },
    values: [fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)],
  },
  uuid: { columns: { id: 'uuid' }, values: [fc.uuid()] },
  text: { columns: { id: 'text' }, values: [text] },
  'text by a collation': { columns: { id: 'text COLLATE "en-x-icu"' }, values: [text] },
  'char(3)': {
    columns: { id: 'char(3)' },
    values: [fc.string({ unit: fc.constantFrom('a', 'B', ' ', "'"), maxLength: 3 })],
  },
  'bit(3)': {
    columns: { id: 'bit(3)' },
    values: [fc.string({ unit: fc.constantFrom('0', '1'), minLength: 3, maxLength: 3 })],
  },
  timestamptz: {
    columns: { id: 'timestamptz' },
    values: [
      fc.oneof(
        moment.map((date) => date.toISOString()),
        fc.constantFrom('infinity', '-infinity', '2026-01-02 03:04:05.123456+00'),
      ),
    ],
  },
  interval: {
    columns: { id: 'interval' },
    values: [
      fc
        .tuple(fc.integer({ min: -40, max: 40 }), fc.integer({ min: -90_000, max: 90_000 }))
        .map(([days, seconds]) => `${days} days ${seconds} seconds`),
    ],
  },
  numeric: {
    columns: { id: 'numeric(9, 2)' },
    values: [fc.oneof(number(-99, 99), fc.constantFrom('0.5', '0.50', 'NaN', '-0.01'))],
  },
  float8: {
    columns: { id: 'float8' },
    values: [fc.double().map((value) => (Object.is(value, -0) ? '-0' : `${value}`))],
  },
  bytea: {
    columns: { id: 'bytea' },
    values: [fc.uint8Array({ maxLength: 3 }).map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`)],
  },
  'an enum with quotes': {
    columns: { id: 'public."mo""od"' },
    values: [fc.constantFrom('so-so', 'bad', 'good')],
  },
  'text and int, in the other order': {
    columns: { word: 'text', number: 'int' },
    index: 'number, word',
    values: [fc.constantFrom('a', 'b', "it's", '\\'), number(0, 9)],
  },
  'three columns, one descending': {
    columns: { a: 'int', b: 'date', c: 'boolean' },
    index: 'a, b DESC, c',
    values: [number(0, 3), number(1, 9).map((day) => `2026-01-0${day}`), fc.constantFrom('t', 'f')],
  },
  'names that need quotes': {
    columns: { key: 'int', 'or"der */': 'int', isLast: 'int' },
    values: [number(0, 3), number(0, 3), number(0, 3)],
  },
}

async function makeTable({ columns, index }: Kind): Promise<void> {
  const names = Object.keys(columns).map(quote).join(', ')
  const defined = Object.entries(columns).map(([name, type]) => `${quote(name)} ${type} NOT NULL`)
  await client.query(
    `CREATE TABLE public.keyed (${defined.join(', ')}, n int NOT NULL DEFAULT 0);
     CREATE UNIQUE INDEX ON public.keyed (${index ?? names})`,
  )
}

async function fill({ columns }: Kind, rows: string[][]): Promise<void> {
  await client.query('TRUNCATE public.keyed')
  for (const row of rows) {
    await client.query(
      `INSERT INTO public.keyed (${Object.keys(columns).map(quote).join(', ')})
       VALUES (${row.map((_, at) => `$${at + 1}`).join(', ')}) ON CONFLICT DO NOTHING`,
      row,
    )
  }
}

async function wrongRows(): Promise<unknown[]> {
  return (await client.query('SELECT * FROM public.keyed WHERE n <> 1')).rows
}

describe('every row is reached exactly once, however few rows a batch has, with a key of type', () => {
  test.each(Object.entries(kinds))('%s', { timeout: 120_000 }, async (_, kind) => {
    await makeTable(kind)
    const walk = { table: { schema: 'public', name: 'keyed' }, key: Object.keys(kind.columns), as: 'n' }
    const columns = await findWalkedKey(client, walk)
    const order: KeyOrder = { walk, columns, limits: 'SET LOCAL lock_timeout = 0' }
    const rowsOfKind = fc.array(fc.tuple(...kind.values), { maxLength: 14 })
    await fc.assert(
      fc.asyncProperty(rowsOfKind, fc.integer({ min: 1, max: 5 }), async (rows, size) => {
        await fill(kind, rows)
        await walkInBatches(order, size)
        expect(await wrongRows()).toEqual([])
      }),
      { numRuns: 40 },
    )
  })
})

async function walkInBatches(order: KeyOrder, size: number): Promise<void> {
  const until = (await findLastKey(client, order)) ?? []
  let after: string[] | undefined
  for (;;) {
    const bound = until.length > 0 ? await findBound(client, order, { after, until, size }) : undefined
    await client.query(`UPDATE public.keyed AS n SET n = n.n + 1 WHERE ${between(order, after, bound?.key)}`)
    if (!bound || bound.isLast) return
    after = bound.key
  }
}

test('a key that was read in one session means the same in another one with other settings', async () => {
  await client.query(
    `CREATE TABLE public.keyed (id timestamptz, lasts interval, weight float8, n int NOT NULL DEFAULT 0, PRIMARY KEY (id, lasts, weight));
     INSERT INTO public.keyed
     SELECT timestamptz '2026-01-02 03:04:05.678901+05:30' + id * interval '1 day 1 second', -id * interval '1 day 2 seconds', id / 7.0
     FROM generate_series(1, 450) id`,
  )
  await using files = await migrationDirectory({
    '20260101000000000_count.ts': batchedMigration({
      up: [
        {
          table: { schema: 'public', name: 'keyed' },
          key: ['id', 'lasts', 'weight'],
          sql: 'UPDATE public.keyed SET n = n + 1 WHERE {batch}',
        },
      ],
      down: [],
    }),
  })
  await client.query(
    `SET DateStyle = 'SQL, MDY'; SET TimeZone = 'America/Los_Angeles'; SET IntervalStyle = sql_standard; SET extra_float_digits = -3`,
  )
  const stop = new AbortController()
  const onEvent = (event: RunEvent) => {
    if (event.kind === 'batch') stop.abort()
  }
  await runUp(client, files.path, { onEvent, signal: stop.signal })
  expect((await wrongRows()).length).toBe(350)
  await client.query(
    `SET DateStyle = 'German, DMY'; SET TimeZone = 'Asia/Tokyo'; SET IntervalStyle = postgres_verbose`,
  )
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await wrongRows()).toEqual([])
})

test('a partitioned table is walked through its own key', async () => {
  await client.query(
    `CREATE TABLE public.keyed (id int, month date, n int NOT NULL DEFAULT 0, PRIMARY KEY (id, month)) PARTITION BY RANGE (month);
     CREATE TABLE public.keyed_1 PARTITION OF public.keyed FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
     CREATE TABLE public.keyed_2 PARTITION OF public.keyed DEFAULT;
     INSERT INTO public.keyed SELECT id, date '2026-01-01' + id % 60 FROM generate_series(1, 450) id`,
  )
  await using files = await migrationDirectory({
    '20260101000000000_count.ts': batchedMigration({
      up: [
        {
          table: { schema: 'public', name: 'keyed' },
          key: ['month', 'id'],
          sql: 'UPDATE public.keyed SET n = n + 1 WHERE {batch}',
        },
      ],
      down: [],
    }),
  })
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await wrongRows()).toEqual([])
})
