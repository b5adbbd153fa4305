import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isLow, measureAgreement } from '../../src/advisor/agreement.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

// Two databases stand for a source and its shadow: the second one has no index on `customer`.
let databases: TestDatabase[]
let source: Client
let shadow: Client

beforeAll(async () => {
  databases = [await createDatabase(), await createDatabase()]
  const [one, other] = await Promise.all(databases.map((database) => database.connect(database.ownerUrl)))
  if (!one || !other) throw new Error('two sessions')
  ;[source, shadow] = [one, other]
  for (const client of [source, shadow]) {
    await client.query(
      `CREATE TABLE orders (id int PRIMARY KEY, customer int, made timestamptz DEFAULT now());
       INSERT INTO orders SELECT n, n % 500 FROM generate_series(1, 20000) n`,
    )
  }
  await source.query('CREATE INDEX orders_customer_idx ON orders (customer)')
  for (const client of [source, shadow]) await client.query('ANALYZE orders')
})
afterAll(async () => {
  await Promise.all(databases.map((database) => database.drop()))
})

const compare = (text: string) => measureAgreement(source, shadow, parseWorkload(text))

test('plans of equal shape and cost agree, those of statements that write too, and nothing is written', async () => {
  const agreement = await compare(`
    -- types: int
    -- args: 7
    -- args: 8
    SELECT * FROM orders WHERE id = $1;
    SELECT count(*) FROM orders;
    SELECT * FROM orders WHERE id = 9 FOR UPDATE;
    INSERT INTO orders VALUES (0, 1);
    UPDATE orders SET made = now() WHERE id = 5;
    DELETE FROM orders WHERE id = 5;`)
  expect(agreement).toEqual({ compared: 7, sameShape: 7, medianCostError: 0, notCompared: [] })
  expect(isLow(agreement)).toBe(false)
  const { rows } = await source.query('SELECT count(*)::int, max(made) = min(made) AS same FROM orders')
  expect(rows).toEqual([{ count: 20_000, same: true }])
})

test('another index makes another shape', async () => {
  const agreement = await compare('SELECT * FROM orders WHERE customer = 7;')
  expect(agreement).toMatchObject({ compared: 1, sameShape: 0 })
  expect(agreement.medianCostError).toBeGreaterThan(1)
  expect(isLow(agreement)).toBe(true)
})

test('what one side does not plan is not compared, and named with the reason', async () => {
  const agreement = await compare(`
    -- name: as_superuser
    -- role: postgres
    SELECT 1;
    -- name: nowhere
    SELECT * FROM nowhere;
    -- name: smuggled
    -- types: int
    -- args: 1); DELETE FROM orders; SELECT (1
    SELECT * FROM orders WHERE id = $1;
    -- name: fine
    SELECT 1;`)
  expect(agreement).toMatchObject({ compared: 1, sameShape: 1 })
  expect(agreement.notCompared.map(({ statement, reason }) => [statement.name, reason])).toEqual([
    ['as_superuser', 'permission denied to set role "postgres"'],
    ['nowhere', 'relation "nowhere" does not exist'],
    ['smuggled', 'an argument is no SQL expression'],
  ])
})

test('advice is doubtful below nine plans in ten, above a difference of a tenth, and where nothing was compared', () => {
  const agreement = { compared: 100, sameShape: 90, medianCostError: 0.1, notCompared: [] }
  expect(isLow(agreement)).toBe(false)
  expect(isLow({ ...agreement, sameShape: 89 })).toBe(true)
  expect(isLow({ ...agreement, medianCostError: 0.11 })).toBe(true)
  expect(isLow({ ...agreement, compared: 0, sameShape: 0 })).toBe(true)
})
