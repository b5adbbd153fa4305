import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { batched } from '../../src/migrate/batched.ts'
import type { RunEvent, RunOptions } from '../../src/migrate/runOptions.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { batchedMigration, migrationDirectory } from '../support/migrationFiles.ts'
import { runUp } from './run.ts'

const rows = 50_000
const name = '20260101000000000_copy.ts'

/** No key and no index, so that a row that is copied twice is there twice. */
function copying(workers: number): Record<string, string> {
  const walk = { table: { schema: 'public', name: 'jobs' }, key: ['ctid'], as: 'source', workers }
  return {
    [name]: batchedMigration({
      up: [
        {
          ...walk,
          sql: 'INSERT INTO public.done SELECT id, pg_backend_pid() FROM public.jobs AS source WHERE {batch}',
        },
      ],
      down: ['TRUNCATE public.done'],
    }),
  }
}

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
})
beforeEach(async () => {
  client = await database.connect(database.ownerUrl)
  await client.query(
    `DROP SCHEMA IF EXISTS hundredfold CASCADE; DROP TABLE IF EXISTS public.jobs, public.done, public.months;
     CREATE TABLE public.jobs (id int, filler text); CREATE TABLE public.done (id int, by int);
     INSERT INTO public.jobs SELECT id, repeat('x', id % 200) FROM generate_series(1, ${rows + 9_000}) id;
     DELETE FROM public.jobs WHERE id BETWEEN 8001 AND 16000 OR id % 31 = 0 AND id <= ${rows}`,
  )
  await client.query('VACUUM ANALYZE public.jobs')
  return () => client.end()
})
afterAll(() => database.drop())

const further: Partial<RunOptions> = { openSession: () => database.connect(database.ownerUrl) }

async function expectAllOnce(): Promise<void> {
  const { rows: wrong } = await client.query(
    `SELECT id, times FROM (SELECT id FROM public.jobs) j
     FULL JOIN (SELECT id, count(*) AS times FROM public.done GROUP BY id) d USING (id)
     WHERE times IS DISTINCT FROM 1 LIMIT 5`,
  )
  expect(wrong).toEqual([])
}

describe('a table that is walked page by page', () => {
  test.each([1, 2])('has each row copied once by %i sessions, past pages without rows', async (workers) => {
    await using files = await migrationDirectory(copying(workers))
    const events: RunEvent[] = []
    const onEvent = (event: RunEvent) => events.push(event)
    expect((await runUp(client, files.path, { ...further, onEvent })).failure?.message).toBeUndefined()
    await expectAllOnce()
    const done = events.flatMap((event) => (event.kind === 'batch' ? [event.rows] : []))
    const { rows: counted } = await client.query(
      'SELECT count(*)::int AS rows, count(DISTINCT by)::int AS by FROM public.done',
    )
    expect(counted).toEqual([{ rows: done.at(-1), by: workers }])
    expect(done.length).toBeGreaterThan(4)
  })

  test('has thousands of pages without a row passed in few batches', async () => {
    await client.query(`TRUNCATE public.jobs;
      INSERT INTO public.jobs SELECT id, repeat('x', 1900) FROM generate_series(1, 16000) id;
      DELETE FROM public.jobs WHERE id BETWEEN 101 AND 15900`)
    await client.query('VACUUM ANALYZE public.jobs')
    await using files = await migrationDirectory(copying(1))
    let batches = 0
    const onEvent = (event: RunEvent) => (batches += event.kind === 'batch' ? 1 : 0)
    expect((await runUp(client, files.path, { onEvent })).failure?.message).toBeUndefined()
    await expectAllOnce()
    const { rows: counted } = await client.query<{ pages: number }>(
      `SELECT pg_relation_size('public.jobs')::int / 8192 AS pages`,
    )
    expect(counted[0]?.pages).toBeGreaterThan(3_000)
    expect(batches).toBeLessThan(100)
  })

  test('goes on where it was stopped', async () => {
    await using files = await migrationDirectory(copying(2))
    const stop = new AbortController()
    const onEvent = (event: RunEvent) => {
      if (event.kind === 'batch' && event.rows > rows / 4) stop.abort()
    }
    const { failure } = await runUp(client, files.path, { ...further, onEvent, signal: stop.signal })
    expect(failure?.message).toContain('`migrate up` goes on from there')
    expect((await runUp(client, files.path)).failure?.message).toBeUndefined()
    await expectAllOnce()
  })

  test('has rows that are added meanwhile too', async () => {
    await using files = await migrationDirectory(copying(1))
    const other = await database.connect(database.ownerUrl)
    let adding: Promise<unknown> | undefined
    const onEvent = (event: RunEvent) => {
      if (event.kind === 'batch')
        adding ??= other.query('INSERT INTO public.jobs SELECT id FROM generate_series(100001, 103000) id')
    }
    expect((await runUp(client, files.path, { onEvent })).failure?.message).toBeUndefined()
    await adding
    const { rows: last } = await client.query(
      'SELECT count(*)::int AS rows FROM public.done WHERE id > 100000',
    )
    // Into pages with room they may come after these were read; what is new lies at the end.
    expect(last[0]).not.toEqual({ rows: 0 })
  })

  test('begins anew where it was rewritten meanwhile', async () => {
    await using files = await migrationDirectory(copying(1))
    const stop = new AbortController()
    const onEvent = (event: RunEvent) => {
      if (event.kind === 'batch' && event.rows > rows / 4) stop.abort()
    }
    await runUp(client, files.path, { onEvent, signal: stop.signal })
    await client.query('TRUNCATE public.done')
    await client.query('VACUUM FULL public.jobs')
    expect((await runUp(client, files.path)).failure?.message).toBeUndefined()
    await expectAllOnce()
  })

  test('stops where it is rewritten between two batches, and begins anew', async () => {
    await using files = await migrationDirectory(copying(1))
    const other = await database.connect(database.ownerUrl)
    let rewriting: Promise<unknown> | undefined
    const onEvent = (event: RunEvent) => {
      if (event.kind === 'batch' && event.rows > 500) rewriting ??= other.query('VACUUM FULL public.jobs')
    }
    const { failure } = await runUp(client, files.path, { onEvent })
    await rewriting
    expect(failure?.message).toContain('public.jobs was rewritten')
    await client.query('TRUNCATE public.done')
    expect((await runUp(client, files.path)).failure?.message).toBeUndefined()
    await expectAllOnce()
  })

  test('may be empty', async () => {
    await client.query('TRUNCATE public.jobs')
    await using files = await migrationDirectory(copying(2))
    expect((await runUp(client, files.path, further)).failure?.message).toBeUndefined()
    await expectAllOnce()
  })
})

describe('a walk page by page is refused', () => {
  test('for a statement that moves its own rows', () => {
    const walk = { table: { schema: 'public', name: 'jobs' }, key: ['ctid'] }
    const pgm = { sql: () => undefined }
    for (const sql of [
      'UPDATE public.jobs SET id = 1 WHERE {batch}',
      '/* INSERT */ DELETE FROM public.jobs WHERE {batch}',
    ])
      expect(() => batched(pgm, { ...walk, sql })).toThrow('page by page with a statement that is no INSERT')
  })

  test('for a table with partitions', async () => {
    await client.query('CREATE TABLE public.months (id int) PARTITION BY RANGE (id)')
    await using files = await migrationDirectory({
      [name]: batchedMigration({
        up: [
          {
            ...{ table: { schema: 'public', name: 'months' }, key: ['ctid'] },
            sql: 'INSERT INTO public.done SELECT id FROM public.months WHERE {batch}',
          },
        ],
        down: ['SELECT 1'],
      }),
    })
    const { failure } = await runUp(client, files.path)
    expect(failure?.message).toContain('public.months cannot be walked in batches page by page')
  })
})
