import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { judgePartitioning } from '../../src/partition/judge.ts'
import { qualified } from '../../src/postgres/identifiers.ts'
import { partitionJudgementLines } from '../../src/report/partitionJudgement.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const keyed = { table: { schema: 'Odd "schema"', name: 'a log' }, key: 'made at' }
const table = qualified(keyed.table)

describe('a judgement of a real table', () => {
  let database: TestDatabase
  let client: Client

  beforeAll(async () => {
    database = await createDatabase()
    client = await database.connect(database.ownerUrl)
    await client.query(`
      CREATE SCHEMA "Odd ""schema""";
      CREATE TABLE ${table} (id int PRIMARY KEY, "made at" timestamptz NOT NULL, "user" int, note text);
      INSERT INTO ${table} SELECT n, timestamptz '2025-01-01Z' + n * interval '10 minutes', n % 99, repeat('x', 60)
      FROM generate_series(1, 50000) AS n;`)
    await client.query(`VACUUM ANALYZE ${table}`)
    await client.query('SELECT pg_stat_force_next_flush()').catch(() => undefined)
  })
  afterAll(() => database.drop())

  const workload = parseWorkload(`
    -- name: a week
    -- calls: 30
    SELECT count(note) FROM ${table} WHERE "made at" >= '2025-03-01' AND "made at" < '2025-03-08';
    -- name: by id
    -- calls: 70
    SELECT * FROM ${table} WHERE id = 4711;`)

  test('is a refusal with the numbers, and an index for what carries the key', async () => {
    const judgement = await judgePartitioning(client, keyed, workload, { every: 'month' })
    expect(judgement.worthwhile).toBe(false)
    expect(judgement.shareWithKey).toBe(0.3)
    expect(judgement.size).toBeGreaterThan(5_000_000)
    expect(judgement.memory).toBeGreaterThan(judgement.size)
    expect(judgement.slower.map((each) => each.name)).toEqual(['by id'])
    expect(judgement.faster.map((each) => each.name)).toEqual(['a week'])
    expect(judgement.instead.some(({ sql }) => sql.includes('"made at"'))).toBe(true)
    const text = partitionJudgementLines(judgement).join('\n')
    expect(text).toContain('30 % of 100 calls carry the key; it takes 80 %')
    expect(text).toContain('Instead: CREATE INDEX CONCURRENTLY ON "Odd ""schema"""."a log" USING ')
  })

  test('asks for ANALYZE where nobody knows the keys', async () => {
    await client.query('CREATE TABLE fresh (day date NOT NULL); INSERT INTO fresh VALUES (current_date)')
    const fresh = { table: { schema: 'public', name: 'fresh' }, key: 'day' }
    await expect(judgePartitioning(client, fresh, workload, { every: 'month' })).rejects.toThrow(
      'was never analyzed',
    )
    const missing = { ...fresh, key: 'no such column' }
    await expect(judgePartitioning(client, missing, workload, { every: 'month' })).rejects.toThrow(
      'There is no table public.fresh with a column no such column',
    )
  })
})
