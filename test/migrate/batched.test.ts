import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { batched } from '../../src/migrate/batched.ts'
import type { BatchEvent, RunEvent } from '../../src/migrate/runOptions.ts'
import { batchText } from '../../src/report/runText.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { batchedMigration, migrationDirectory } from '../support/migrationFiles.ts'
import { runDown, runUp } from './run.ts'

const program = fileURLToPath(new URL('../../scripts/hundredfold.mjs', import.meta.url))

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
})
beforeEach(async () => {
  client = await database.connect(database.ownerUrl)
  await client.query(
    'DROP SCHEMA IF EXISTS hundredfold CASCADE; DROP TABLE IF EXISTS public.jobs, public.done CASCADE',
  )
  await client.query(
    `CREATE TABLE public.jobs (id bigint PRIMARY KEY, n int NOT NULL DEFAULT 0, note text);
     INSERT INTO public.jobs SELECT id FROM generate_series(1, 1000) id; ANALYZE public.jobs`,
  )
  return () => client.end()
})
afterAll(() => database.drop())

const name = '20260101000000000_count.ts'
const jobs = { table: { schema: 'public', name: 'jobs' }, key: ['id'] }
/** Counts in each row how often it was done: without a guard, a row that is done twice shows. */
const count = { ...jobs, sql: 'UPDATE public.jobs SET n = n + 1 WHERE {batch}' }
const uncount = { ...jobs, sql: 'UPDATE public.jobs SET n = n - 1 WHERE {batch}' }
const counting = batchedMigration({ up: [count], down: [uncount] })

interface Wire {
  connection: { stream: { destroy(): void } }
}

/** How many rows were done how often. */
async function times(): Promise<Record<number, number>> {
  const { rows } = await client.query<{ n: number; rows: number }>(
    'SELECT n, count(*)::int AS rows FROM public.jobs GROUP BY n ORDER BY n',
  )
  return Object.fromEntries(rows.map(({ n, rows: many }) => [n, many]))
}

async function ledger(): Promise<unknown[]> {
  const { rows } = await client.query('SELECT state, reached FROM hundredfold.migrations ORDER BY position')
  return rows
}

function batchesOf(events: RunEvent[]): BatchEvent[] {
  return events.filter((event) => event.kind === 'batch')
}

async function reconnect(): Promise<void> {
  await client.end().catch(() => undefined)
  client = await database.connect(database.ownerUrl)
}

test('each row is done once, in several transactions, and down takes it back in batches too', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  await client.query('ALTER TABLE public.jobs ADD made_by xid8')
  await files.write(
    name,
    batchedMigration({
      up: [
        { ...jobs, sql: 'UPDATE public.jobs SET n = n + 1, made_by = pg_current_xact_id() WHERE {batch}' },
      ],
      down: [uncount],
    }),
  )
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await times()).toEqual({ 1: 1000 })
  const { rows } = await client.query<{ transactions: number }>(
    'SELECT count(DISTINCT made_by)::int AS transactions FROM public.jobs',
  )
  expect(rows[0]?.transactions).toBeGreaterThan(1)
  expect(await ledger()).toEqual([{ state: 'applied', reached: null }])
  expect((await runDown(client, files.path)).failure).toBeUndefined()
  expect(await times()).toEqual({ 0: 1000 })
})

test('rows may be moved out of the table that is walked', async () => {
  await client.query('CREATE TABLE public.done (LIKE public.jobs)')
  await using files = await migrationDirectory({
    [name]: batchedMigration({
      up: [
        {
          ...jobs,
          as: 'j',
          sql: `WITH moved AS (DELETE FROM public.jobs AS j WHERE {batch} RETURNING *)
                INSERT INTO public.done SELECT * FROM moved`,
        },
      ],
      down: [
        {
          table: { schema: 'public', name: 'jobs' },
          key: ['id'],
          sql: `INSERT INTO public.jobs SELECT id FROM public.done WHERE id NOT IN (SELECT id FROM public.jobs) AND {batch}`,
        },
      ],
    }),
  })
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  const { rows } = await client.query(
    `SELECT (SELECT count(*)::int FROM public.jobs) AS left, count(DISTINCT id)::int AS moved, count(*)::int AS rows FROM public.done`,
  )
  expect(rows).toEqual([{ left: 0, moved: 1000, rows: 1000 }])
})

test('an empty table is done at once', async () => {
  await client.query('DELETE FROM public.jobs')
  await using files = await migrationDirectory({ [name]: counting })
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await ledger()).toEqual([{ state: 'applied', reached: null }])
})

test('rows that are added above the key while it runs are reached too', async () => {
  await client.query(`
    CREATE OR REPLACE FUNCTION public.add_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO public.jobs SELECT id FROM generate_series(1001, 1010) id; RETURN NEW; END $$;
    CREATE TRIGGER add_jobs BEFORE UPDATE ON public.jobs FOR EACH ROW WHEN (NEW.id = 500) EXECUTE FUNCTION public.add_jobs()`)
  await using files = await migrationDirectory({ [name]: counting })
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await times()).toEqual({ 1: 1010 })
})

describe('a run that was killed', () => {
  test('between two batches goes on from the key in the ledger, and no row is done twice', async () => {
    await using files = await migrationDirectory({ [name]: counting })
    const onEvent = (event: RunEvent) => {
      if (event.kind === 'batch') (client as Client & Wire).connection.stream.destroy()
    }
    expect((await runUp(client, files.path, { onEvent })).failure?.message).toContain(
      'The connection was lost',
    )
    await reconnect()
    expect(await ledger()).toMatchObject([{ state: 'applying', reached: { after: ['100'], rows: 100 } }])
    expect(await times()).toEqual({ 0: 900, 1: 100 })
    const events: RunEvent[] = []
    expect(
      (await runUp(client, files.path, { onEvent: (event) => events.push(event) })).failure,
    ).toBeUndefined()
    expect(await times()).toEqual({ 1: 1000 })
    expect(batchesOf(events)[0]?.rows).toBe(200)
  })

  test('inside a batch leaves nothing of that batch', async () => {
    await client.query(`
      CREATE OR REPLACE FUNCTION public.end_session() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.id::text = current_setting('my.stop_at', true) THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER end_session BEFORE UPDATE ON public.jobs FOR EACH ROW EXECUTE FUNCTION public.end_session()`)
    await using files = await migrationDirectory({ [name]: counting })
    await client.query(`SET my.stop_at = '777'`)
    expect((await runUp(client, files.path)).failure?.message).toContain('The connection was lost')
    await reconnect()
    const [row] = (await ledger()) as [{ reached: { rows: number } }]
    expect(row.reached.rows).toBeLessThan(777)
    expect(await times()).toEqual({ 0: 1000 - row.reached.rows, 1: row.reached.rows })
    expect((await runUp(client, files.path)).failure).toBeUndefined()
    expect(await times()).toEqual({ 1: 1000 })
  })

  test('is finished before it is taken back', async () => {
    await using files = await migrationDirectory({ [name]: counting })
    await stopAfterFirstBatch(files.path)
    expect((await runDown(client, files.path)).failure).toBeUndefined()
    expect(await times()).toEqual({ 0: 1000 })
    expect(await ledger()).toEqual([])
  })
})

/** Stops as Ctrl-C between two batches does. */
async function stopAfterFirstBatch(directory: string) {
  const stop = new AbortController()
  const onEvent = (event: RunEvent) => {
    if (event.kind === 'batch') stop.abort()
  }
  return runUp(client, directory, { onEvent, signal: stop.signal })
}

test('Ctrl-C between two batches stops cleanly, and the next run goes on', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  const { failure } = await stopAfterFirstBatch(files.path)
  expect(failure?.message).toBe(
    `Stopped during ${name.slice(0, -3)}. Statements that are committed stay: \`migrate up\` goes on from there.`,
  )
  expect(await times()).toEqual({ 0: 900, 1: 100 })
  expect(await ledger()).toMatchObject([{ state: 'applying', reached: { after: ['100'], rows: 100 } }])
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await times()).toEqual({ 1: 1000 })
})

test('Ctrl-C ends the program between two batches, and it says how to go on', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  const slowly = ['--max-rows-per-second', '100']
  const child = spawn(process.execPath, [program, 'migrate', 'up', '--dir', files.path, ...slowly], {
    env: { PATH: process.env['PATH'], NO_COLOR: '1', DIRECT_URL: database.ownerUrl },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let printed = ''
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  const ended = once(child, 'close') as Promise<[number | null]>
  while (!((await times())[1] ?? child.exitCode !== null))
    await new Promise((resolve) => setTimeout(resolve, 20))
  child.kill('SIGINT')
  expect((await ended)[0]).toBe(1)
  expect(printed).toContain('Statements that are committed stay: `migrate up` goes on from there.')
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await times()).toEqual({ 1: 1000 })
})

test('a batch that meets a lock is tried again within the budget, and what is done stays', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  const other = await database.connect(database.ownerUrl)
  await other.query('BEGIN; SELECT FROM public.jobs WHERE id = 500 FOR UPDATE')
  const events: RunEvent[] = []
  const onEvent = (event: RunEvent) => {
    events.push(event)
    if (event.kind === 'retrying') void other.query('ROLLBACK')
  }
  expect((await runUp(client, files.path, { lockTimeoutMs: 50, onEvent })).failure).toBeUndefined()
  expect(events.filter(({ kind }) => kind === 'retrying').length).toBeGreaterThan(0)
  expect(await times()).toEqual({ 1: 1000 })
})

test('a ledger of a former version gets the place for the key', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect((await runDown(client, files.path)).failure).toBeUndefined()
  await client.query('ALTER TABLE hundredfold.migrations DROP COLUMN reached')
  await stopAfterFirstBatch(files.path)
  expect(await ledger()).toMatchObject([{ reached: { rows: 100 } }])
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await times()).toEqual({ 1: 1000 })
})

test('an edited key in the ledger is drift', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  await stopAfterFirstBatch(files.path)
  await client.query(`UPDATE hundredfold.migrations SET reached = '{"after": 1}'`)
  expect((await runUp(client, files.path)).failure).toMatchObject({ exitCode: 4 })
  expect(await times()).toEqual({ 0: 900, 1: 100 })
})

test('the progress has the rows, the rate and the time that is left', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  const events: RunEvent[] = []
  expect(
    (await runUp(client, files.path, { onEvent: (event) => events.push(event) })).failure,
  ).toBeUndefined()
  const [first, ...others] = batchesOf(events)
  expect(first).toMatchObject({ name: name.slice(0, -3), position: 1, of: 1, rows: 100, rowsInAll: 1000 })
  expect(first?.leftMs).toBeGreaterThan(0)
  expect(first && batchText(first)).toMatch(
    /^about .+ left: public\.jobs: 100 of about 1,000 rows, [\d,]+ a second$/,
  )
  expect(others.at(-1)).toMatchObject({ rows: 1000 })
  expect(others.at(-1)).not.toHaveProperty('leftMs')
})

test('--max-rows-per-second makes small batches with pauses', async () => {
  await using files = await migrationDirectory({ [name]: counting })
  const events: RunEvent[] = []
  const onEvent = (event: RunEvent) => events.push(event)
  const started = performance.now()
  expect((await runUp(client, files.path, { onEvent, maxRowsPerSecond: 1_000 })).failure).toBeUndefined()
  // Nobody pauses after the last batch, which has at most a quarter of a second's rows.
  expect(performance.now() - started).toBeGreaterThan(700)
  const rows = batchesOf(events).map((event) => event.rows)
  expect(Math.max(...rows.map((done, at) => done - (rows[at - 1] ?? 0)))).toBeLessThanOrEqual(250)
})

describe('refused before anything runs', () => {
  test.each([
    ['no unique index', 'id', 'DROP CONSTRAINT jobs_pkey', 'it has no unique index on exactly these columns'],
    ['a key that may be null', 'note', 'ADD UNIQUE (note)', 'note may be null'],
    [
      'a column that does not exist',
      'nowhere',
      'ADD other int',
      'it has no unique index on exactly these columns',
    ],
  ])('%s', async (_, column, change, message) => {
    await client.query(`ALTER TABLE public.jobs ${change}`)
    await using files = await migrationDirectory({
      [name]: batchedMigration({ up: [{ ...count, key: [column] }], down: [] }),
    })
    const { failure } = await runUp(client, files.path)
    expect(failure).toMatchObject({ exitCode: 5 })
    expect(failure?.message).toContain(`public.jobs cannot be walked in batches over (${column})`)
    expect(failure?.message).toContain(message)
    expect(await ledger()).toEqual([])
  })

  test.each([
    ['UPDATE public.jobs SET n = 1', 'stands nowhere'],
    ['UPDATE public.jobs SET n = 1 WHERE {batch} OR {batch}', 'stands 2 times'],
    [`UPDATE public.jobs SET note = '{batch}'`, 'stands nowhere'],
  ])('%s', async (sql, message) => {
    await using files = await migrationDirectory({
      [name]: batchedMigration({ up: [{ ...jobs, sql }], down: [] }),
    })
    await expect(
      runUp(client, files.path).then(({ failure }) => Promise.reject(failure as Error)),
    ).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringContaining(message) as string,
    })
  })
})

test('a key that an earlier statement makes is found when it is needed', async () => {
  await client.query('ALTER TABLE public.jobs DROP CONSTRAINT jobs_pkey, ALTER id DROP NOT NULL')
  await using files = await migrationDirectory({
    [name]: batchedMigration({
      up: ['ALTER TABLE public.jobs ADD PRIMARY KEY (id)', count],
      down: [uncount, 'ALTER TABLE public.jobs DROP CONSTRAINT jobs_pkey'],
    }),
  })
  expect((await runUp(client, files.path)).failure).toBeUndefined()
  expect(await times()).toEqual({ 1: 1000 })
})

test('in a migration in one transaction it runs in one piece', async () => {
  await using files = await migrationDirectory({
    [name]: batchedMigration({ up: [count], down: [uncount], transactional: true }),
  })
  const events: RunEvent[] = []
  expect(
    (await runUp(client, files.path, { onEvent: (event) => events.push(event) })).failure,
  ).toBeUndefined()
  expect(batchesOf(events)).toEqual([])
  expect(await times()).toEqual({ 1: 1000 })
})

test('what stands in the statement is the condition true, and a comment that no name can end', () => {
  const written: string[] = []
  batched({ sql: (text: string) => void written.push(text) } as never, {
    table: { schema: 'a*/ "b', name: '/* $1' },
    key: ['{batch}'],
    sql: `UPDATE t SET note = '{batch} $$', n = $a${'$'}{batch}$a$ WHERE {batch} -- {batch}`,
  })
  expect(written).toEqual([
    String.raw`UPDATE t SET note = '{batch} $$', n = $a${'$'}{batch}$a$ WHERE (/* hundredfold batch {"table":{"schema":"a\u002a/ \"b","name":"/\u002a $1"},"key":["{batch}"],"as":"/\u002a $1"} */ true) -- {batch}`,
  ])
})
