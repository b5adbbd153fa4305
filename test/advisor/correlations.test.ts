import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Advice } from '../../src/advisor/advise.ts'
import { advise } from '../../src/advisor/advise.ts'
import { adviceDocument } from '../../src/report/advice.ts'
import { adviceLines } from '../../src/report/adviceText.ts'
import type { CountedStatement } from '../../src/workload/countedStatements.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const schema = `
  CREATE TABLE places (id int PRIMARY KEY, city int NOT NULL, zip int NOT NULL, kind text NOT NULL, state text NOT NULL);
  -- A city has one zip; kind and state are skewed, and independent of each other.
  INSERT INTO places SELECT n, n % 100, (n % 100) * 7, CASE WHEN n % 10 = 0 THEN 'rare' || n % 90 ELSE 'home' END,
    CASE WHEN n % 11 = 0 THEN 'off' || n % 99 ELSE 'on' END FROM generate_series(1, 60000) n;
  ANALYZE places`

const counted = (
  name: string,
  sql: string,
  numbers: Pick<CountedStatement, 'meanMs' | 'planMs' | 'rowsPerCall'>,
): CountedStatement => ({
  name,
  line: undefined,
  calls: 1000,
  types: [],
  args: [[]],
  role: undefined,
  claims: undefined,
  sql,
  isGeneric: true,
  ...numbers,
})

describe('extended statistics and prepared statements', { timeout: 60_000 }, () => {
  let database: TestDatabase
  let client: Client
  let advice: Advice

  beforeAll(async () => {
    database = await createDatabase()
    client = await database.connect()
    await client.query(schema)
    advice = await advise(client, [
      counted('of a zip', 'SELECT * FROM places WHERE city = $1 AND zip = $2', {
        meanMs: 4,
        planMs: 0.1,
        rowsPerCall: 600,
      }),
      // Skew explains that many rows: calls ask for what is common.
      counted('homes', 'SELECT * FROM places WHERE kind = $1 AND state = $2', {
        meanMs: 9,
        planMs: 0.1,
        rowsPerCall: 49_000,
      }),
      counted('one', 'SELECT * FROM places WHERE id = $1', { meanMs: 0.02, planMs: 0.9, rowsPerCall: 1 }),
    ])
  }, 60_000)

  afterAll(async () => {
    await client.end()
    await database.drop()
  })

  test('columns of which calls return far more rows than expected need statistics together', () => {
    expect(advice.correlations.map(({ columns, statements, basis }) => [columns, statements, basis])).toEqual(
      [[['city', 'zip'], ['of a zip'], 'counted']],
    )
    expect(advice.correlations[0]?.factor).toBeGreaterThan(50)
  })

  test('a statement that is planned for longer than it runs should be prepared', () => {
    expect(advice.mostlyPlanned).toMatchObject([
      { statement: { name: 'one' }, planMs: 0.9, executionMs: 0.02 },
    ])
  })

  test('both are told', () => {
    expect(adviceDocument(advice)).toMatchObject({
      statistics: [
        {
          definition:
            'CREATE STATISTICS "public"."places_city_zip_stat" (ndistinct, dependencies, mcv) ON "city", "zip" FROM "public"."places"',
          basis: 'counted',
          queries: ['of a zip'],
        },
      ],
      prepare: [{ query: 'one', planMs: 0.9, executionMs: 0.02 }],
    })
    expect(adviceLines(advice)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('analyze  CREATE STATISTICS public.places_city_zip_stat'),
        'prepare  one: a call is planned for 0.90 ms and executed for 0.02 ms',
      ]),
    )
  })

  test('a file says nothing of rows: they are sampled if that is asked for', async () => {
    const workload = parseWorkload(`SELECT * FROM places WHERE city = 7 AND zip = 49;
      -- name: both
      SELECT * FROM places WHERE kind = 'home' AND state = 'on';`)
    const [without, sampled] = [
      await advise(client, workload),
      await advise(client, workload, { sample: true }),
    ]
    expect(without.correlations).toEqual([])
    expect(sampled.correlations.map(({ columns, basis }) => [columns, basis])).toEqual([
      [['city', 'zip'], 'sampled'],
    ])
  })

  test('a role that may not read the rows gets no sample and no error', async () => {
    await client.query('CREATE ROLE places_guest; SET ROLE places_guest')
    const { correlations } = await advise(
      client,
      parseWorkload('-- role: postgres\nSELECT * FROM places WHERE city = 7 AND zip = 49;'),
      { sample: true },
    ).finally(() => client.query('RESET ROLE; DROP ROLE places_guest'))
    expect(correlations).toEqual([])
  })

  test('with the statistics the estimate is right within twice', async () => {
    const query = 'SELECT * FROM places WHERE city = 7 AND zip = 49'
    const estimate = async (): Promise<number> => {
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
        `EXPLAIN (FORMAT JSON) ${query}`,
      )
      return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0
    }
    const { rowCount } = await client.query(query)
    const real = rowCount ?? 0
    expect(real / (await estimate())).toBeGreaterThan(10)
    for (const sql of advice.correlations[0]?.operation.up ?? []) await client.query(sql)
    expect(real / (await estimate())).toBeGreaterThan(0.5)
    expect(real / (await estimate())).toBeLessThan(2)
  })
})
