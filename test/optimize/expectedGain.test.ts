import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { optimize } from '../../src/optimize/optimize.ts'
import { writeMigrations } from '../../src/optimize/writeMigrations.ts'
import { duplicateIndex } from '../../src/rules/indexes/duplicateIndex.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  const loader = await database.connect(database.ownerUrl)
  await loader.query(`
    CREATE TABLE public.visits (id integer PRIMARY KEY, guest integer);
    INSERT INTO public.visits SELECT n, n % 7 FROM generate_series(1, 300000) n;
    CREATE INDEX first ON public.visits (guest); CREATE INDEX second ON public.visits (guest);
    CREATE TABLE public.plain (id integer PRIMARY KEY, day date);
    ANALYZE public.visits`)
  // Else the rows above count as writes of an hour, and time goes before space.
  await loader.end()
  await (await database.connect()).query('SELECT pg_stat_reset()')
  owner = await database.connect(database.ownerUrl)
})
afterAll(() => database.drop())

test('the file of a dropped index says how many bytes it gives back, as the catalog has them', async () => {
  await using files = await migrationDirectory()
  const { groups } = await optimize(owner, { level: 'warn', directory: files.path, rules: [duplicateIndex] })
  await writeMigrations(files.path, groups)
  const [migration] = await loadMigrations(files.path)
  const { rows } = await owner.query<{ bytes: number }>(
    `SELECT pg_relation_size('public.second')::int AS bytes`,
  )
  expect(rows[0]?.bytes).toBeGreaterThan(1_000_000)
  expect(migration?.optimization?.gain).toEqual({ bytes: rows[0]?.bytes })
})

test('the file of an index that a workload wants has the planner’s costs before and after', async () => {
  await using files = await migrationDirectory()
  await owner.query(
    'CREATE TABLE public.orders AS SELECT n AS id, n % 5000 AS buyer FROM generate_series(1, 50000) n',
  )
  await owner.query('ANALYZE public.orders')
  const { groups, advice } = await optimize(owner, {
    level: 'warn',
    directory: files.path,
    rules: [],
    workload: {
      statements: [
        {
          ...{ name: 'mine', sql: 'SELECT id FROM public.orders WHERE buyer = 7', calls: 3, args: [[]] },
          ...{ line: undefined, types: [], role: undefined, claims: undefined },
        },
      ],
    },
  })
  const [index] = advice?.indexes ?? []
  const [serves] = index?.serves ?? []
  expect(groups[0]?.operation.gain).toEqual({
    costBefore: Math.round(3 * (serves?.costBefore ?? 0)),
    costAfter: Math.round(3 * (serves?.costAfter ?? 0)),
  })
  expect(serves?.costBefore).toBeGreaterThan(10 * (serves?.costAfter ?? Infinity))
})
