import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RunEvent, RunOptions } from '../../src/migrate/runOptions.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { batchedMigration, migrationDirectory } from '../support/migrationFiles.ts'
import { runDown, runUp } from './run.ts'

const rows = 60_000
const name = '20260101000000000_count.ts'
const jobs = { table: { schema: 'public', name: 'jobs' }, key: ['id'], workers: 2 }
/** Counts in each row how often it was done, and by whom. */
const counting = batchedMigration({
  up: [{ ...jobs, sql: 'UPDATE public.jobs SET n = n + 1, by = pg_backend_pid() WHERE {batch}' }],
  down: [{ ...jobs, sql: 'UPDATE public.jobs SET n = n - 1 WHERE {batch}' }],
})

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
})
beforeEach(async () => {
  client = await database.connect(database.ownerUrl)
  await client.query(
    `DROP SCHEMA IF EXISTS hundredfold CASCADE; DROP TABLE IF EXISTS public.jobs;
     CREATE TABLE public.jobs (id bigint PRIMARY KEY, n int NOT NULL DEFAULT 0, by int) WITH (fillfactor = 50);
     INSERT INTO public.jobs SELECT id FROM generate_series(1, ${rows}) id; ANALYZE public.jobs`,
  )
  return () => client.end()
})
afterAll(() => database.drop())

const further: Partial<RunOptions> = { openSession: () => database.connect(database.ownerUrl) }

async function times(): Promise<Record<number, number>> {
  const { rows: counted } = await client.query<{ n: number; rows: number }>(
    'SELECT n, count(*)::int AS rows FROM public.jobs GROUP BY n ORDER BY n',
  )
  return Object.fromEntries(counted.map(({ n, rows: many }) => [n, many]))
}

test('two sessions do every row once, each about half of them, and the way back too', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  const events: RunEvent[] = []
  const onEvent = (event: RunEvent) => events.push(event)
  expect((await runUp(client, files.path, { ...further, onEvent })).failure?.message).toBeUndefined()
  expect(await times()).toEqual({ 1: rows })
  const { rows: shares } = await client.query<{ share: number }>(
    `SELECT count(*)::float8 / ${rows} AS share FROM public.jobs GROUP BY by`,
  )
  expect(shares).toHaveLength(2)
  for (const { share } of shares) expect(share).toBeGreaterThan(0.3)
  const done = events.flatMap((event) => (event.kind === 'batch' ? [event.rows] : []))
  expect(done.at(-1)).toBe(rows)
  expect((await runDown(client, files.path, further)).failure?.message).toBeUndefined()
  expect(await times()).toEqual({ 0: rows })
})

test('a run that was stopped goes on in each part, also with one session only', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  const stop = new AbortController()
  const onEvent = (event: RunEvent) => {
    if (event.kind === 'batch' && event.rows > rows / 4) stop.abort()
  }
  const { failure } = await runUp(client, files.path, { ...further, onEvent, signal: stop.signal })
  expect(failure?.message).toContain('`migrate up` goes on from there')
  const { 1: done = 0 } = await times()
  expect(done).toBeGreaterThan(0)
  expect(done).toBeLessThan(rows)
  const { rows: ledger } = await client.query<{ parts: { after?: string[]; rows: number }[] }>(
    `SELECT reached -> 'parts' AS parts FROM hundredfold.migrations`,
  )
  expect(ledger[0]?.parts.reduce((sum, part) => sum + part.rows, 0)).toBe(done)
  expect((await runUp(client, files.path)).failure?.message).toBeUndefined()
  expect(await times()).toEqual({ 1: rows })
})

test('rows that are added above the last part are reached too', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  let added = false
  const adding: Promise<unknown>[] = []
  const onEvent = (event: RunEvent) => {
    if (event.kind !== 'batch' || added) return
    added = true
    adding.push(
      client.query(`INSERT INTO public.jobs SELECT id FROM generate_series(${rows + 1}, ${rows + 10}) id`),
    )
  }
  expect((await runUp(client, files.path, { ...further, onEvent })).failure?.message).toBeUndefined()
  await Promise.all(adding)
  expect(await times()).toEqual({ 1: rows + 10 })
})

test('where one session fails, the others end, and nothing is done twice afterwards', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  await client.query(`ALTER TABLE public.jobs ADD CONSTRAINT not_yet CHECK (id <> ${rows - 5000} OR n = 0)`)
  expect((await runUp(client, files.path, further)).failure?.message).toContain('not_yet')
  await client.query('ALTER TABLE public.jobs DROP CONSTRAINT not_yet')
  expect((await runUp(client, files.path, further)).failure?.message).toBeUndefined()
  expect(await times()).toEqual({ 1: rows })
})
