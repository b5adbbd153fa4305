import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase, urlOf } from '../support/database.ts'

interface Document {
  due: { task: string; subject: string; why: string }[]
  done: { task: string; subject: string; failed?: string; result?: string }[]
  cannot: string[]
  findings: { rule: string; subject: string[] }[] | null
  skipped: { rule: string; reason: string }[] | null
  regressions: string[] | null
  folder: string | null
}

let database: TestDatabase
let owner: Client
let reports: string

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  owner = await database.connect(database.ownerUrl)
  reports = await mkdtemp(join(tmpdir(), 'hundredfold-maintain-'))
})
afterAll(async () => {
  await rm(reports, { recursive: true })
  await database.drop()
})

async function run(...args: string[]): Promise<{ exitCode: number | null; err: string; document: Document }> {
  const { exitCode, out, err } = await callCommand(['maintain', ...args, '--out', reports, '--json', '-'], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  return { exitCode, err, document: JSON.parse(out) as Document }
}

test('a plan writes nothing', async () => {
  const { exitCode } = await run('daily', '--plan')
  expect(exitCode).toBe(0)
  expect((await owner.query(`SELECT to_regclass('hundredfold.maintenance') AS there`)).rows).toEqual([
    { there: null },
  ])
})

test('daily makes the next partitions, and does nothing the second time', async () => {
  await owner.query(`CREATE SCHEMA IF NOT EXISTS private;
    CREATE TABLE public.calls (at timestamptz);
    CREATE FUNCTION private.add_partitions_of_orders() RETURNS SETOF text LANGUAGE sql
      AS 'INSERT INTO public.calls VALUES (now()); SELECT ''orders_2027_01''::text'`)
  const first = await run('daily', '--yes')
  expect(first.document.done).toEqual([
    { task: 'partitions', subject: 'add_partitions_of_orders', result: 'made orders_2027_01' },
  ])
  expect(first.document.findings).not.toBeNull()
  const second = await run('daily', '--yes')
  expect(second.exitCode).toBe(0)
  expect(second.document).toMatchObject({ due: [], done: [], findings: null })
  expect((await owner.query('SELECT count(*)::int AS calls FROM public.calls')).rows).toEqual([{ calls: 1 }])
  // A day later it is due again.
  await owner.query(`UPDATE hundredfold.maintenance SET done_at = done_at - interval '1 day'`)
  expect((await run('daily', '--plan')).document.due).toHaveLength(1)
})

test('a task that fails is named, the rest goes on, and it stays due', async () => {
  await owner.query(`CREATE OR REPLACE FUNCTION private.add_partitions_of_orders() RETURNS SETOF text LANGUAGE plpgsql
      AS 'BEGIN RAISE EXCEPTION ''the disk is full''; END'`)
  const { exitCode, err, document } = await run('daily', '--yes')
  expect(exitCode).toBe(2)
  expect(err).toContain('partitions of add_partitions_of_orders: the disk is full')
  expect(document.findings).not.toBeNull()
  expect((await run('daily', '--plan')).document.due).toHaveLength(1)
  await owner.query('DROP FUNCTION private.add_partitions_of_orders()')
})

test('monthly vacuums what has changed and nobody has vacuumed', async () => {
  await owner.query('CREATE TABLE public.events (id int, note text) WITH (autovacuum_enabled = off)')
  await owner.query(`INSERT INTO public.events SELECT id, repeat('x', 100) FROM generate_series(1, 20000) id`)
  await owner.query('DELETE FROM public.events WHERE id % 2 = 0')
  await expect
    .poll(async () => (await run('monthly', '--plan')).document.due.map(({ subject }) => subject), {
      timeout: 10_000,
    })
    .toContain('public.events')
  const { document } = await run('monthly', '--yes')
  expect(document.done.map(({ subject }) => subject)).toContain('public.events')
  expect((await run('monthly', '--yes')).document).toMatchObject({ due: [], done: [] })
})

test('rows older than a declared retention go, and without one nothing is dropped', async () => {
  await owner.query(`
    CREATE TABLE public.dropped (older_than interval);
    CREATE PROCEDURE private.drop_partitions_of_orders(older_than interval DEFAULT '6 months') LANGUAGE plpgsql
      AS 'BEGIN INSERT INTO public.dropped VALUES (older_than); COMMIT; RAISE NOTICE ''dropped orders_2020''; END';
    CREATE PROCEDURE private.drop_partitions_of_people(older_than interval) LANGUAGE sql
      AS 'INSERT INTO public.dropped VALUES (older_than)'`)
  const { err, document } = await run('daily', '--yes')
  expect(document.done).toEqual([
    { task: 'retention', subject: 'drop_partitions_of_orders', result: 'dropped orders_2020' },
  ])
  expect(err).toContain('Drop partitions older than 6 mons')
  expect(err).toContain('dropped rows cannot come back')
  expect((await owner.query('SELECT older_than::text FROM public.dropped')).rows).toEqual([
    { older_than: '6 mons' },
  ])
  expect((await run('daily', '--yes')).document).toMatchObject({ due: [], done: [] })
  await owner.query('DROP PROCEDURE private.drop_partitions_of_orders, private.drop_partitions_of_people')
})

test('what this role may not do is said, and the rest is done', async () => {
  const superuser = await database.connect()
  await superuser.query(`
    CREATE FUNCTION private.add_partitions_of_theirs() RETURNS SETOF text LANGUAGE sql AS 'SELECT ''x''::text';
    REVOKE ALL ON FUNCTION private.add_partitions_of_theirs() FROM PUBLIC;
    CREATE TABLE public.theirs (id int, note text) WITH (autovacuum_enabled = off);
    INSERT INTO public.theirs SELECT id, repeat('x', 100) FROM generate_series(1, 20000) id`)
  expect((await run('daily', '--plan')).document.cannot).toEqual([
    'call private.add_partitions_of_theirs: this role has no EXECUTE on it',
  ])
  await expect
    .poll(async () => (await run('monthly', '--plan')).document.cannot, { timeout: 10_000 })
    .toContain('vacuum public.theirs: it belongs to another role')
  await superuser.query('DROP FUNCTION private.add_partitions_of_theirs; DROP TABLE public.theirs')
})

test('weekly keeps a report, and compares the next one with it', async () => {
  const first = await run('weekly', '--yes')
  expect(first.document).toMatchObject({
    regressions: null,
    folder: expect.stringContaining('diagnostics-') as string,
  })
  await owner.query(`UPDATE hundredfold.maintenance SET done_at = done_at - interval '8 days'`)
  await owner.query('CREATE TABLE public.open (id int)')
  await owner.query('GRANT SELECT ON public.open TO anon')
  const second = await run('weekly', '--yes')
  expect(second.document.regressions).toContainEqual(expect.stringContaining('open'))
  expect(second.exitCode).toBe(4)
  expect(await readdir(reports)).toHaveLength(2)
  expect((await run('weekly', '--yes')).document).toMatchObject({ due: [], done: [], findings: null })
  expect(await readdir(reports)).toHaveLength(2)
})

test('weekly gathers the statistics of partitioned tables as a whole', async () => {
  await owner.query(`CREATE TABLE public.visits (day date NOT NULL, who int) PARTITION BY RANGE (day);
    CREATE TABLE public.visits_2026 PARTITION OF public.visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO public.visits SELECT '2026-05-05', who FROM generate_series(1, 1000) who`)
  const { document } = await run('weekly', '--yes')
  expect(document.done.map(({ task, subject }) => `${task} ${subject}`)).toEqual(['analyze public.visits'])
  const statistics = await owner.query(`SELECT FROM pg_stats WHERE tablename = 'visits' AND inherited`)
  expect(statistics.rowCount).toBe(2)
  expect((await run('weekly', '--yes')).document).toMatchObject({ due: [], done: [] })
})

test('quarterly reviews unused indexes, drops none of them, and does nothing the second time', async () => {
  await owner.query(`CREATE TABLE public.ledger (id int PRIMARY KEY, a int, b int);
    INSERT INTO public.ledger SELECT id, id, id FROM generate_series(1, 20000) id;
    CREATE INDEX ledger_a_idx ON public.ledger (a, b); CREATE INDEX ledger_copy_idx ON public.ledger (a, b)`)
  const { document, err } = await run('quarterly', '--yes')
  const about = document.findings?.map(({ rule, subject }) => `${rule} ${subject.at(-1) ?? ''}`)
  expect(about).toContainEqual(expect.stringMatching(/^duplicate_index ledger_(a|copy)_idx$/))
  // The counters of a server that has just begun prove nothing, which is no pass.
  expect(document.skipped).toContainEqual({
    rule: 'unused_index',
    reason: expect.stringMatching(/statistics are 0\.\d days old/) as string,
  })
  expect(err).toContain('not looked at unused_index: ')
  const { rows } = await owner.query(`SELECT count(*)::int AS n FROM pg_indexes WHERE tablename = 'ledger'`)
  expect(rows).toEqual([{ n: 3 }])
  expect((await run('quarterly', '--yes')).document).toMatchObject({ due: [], done: [], findings: null })
})

test('a role that may not remember anything is told so before anything is done', async () => {
  const superuser = await database.connect()
  const stranger = `stranger_of_${database.name}`
  await superuser.query(`CREATE ROLE ${stranger} LOGIN PASSWORD 'test'`)
  const { exitCode, err } = await callCommand(['maintain', 'daily', '--yes'], {
    environment: { DIRECT_URL: urlOf(database.name, { user: stranger, password: 'test' }) },
  })
  await superuser.query(`DROP ROLE ${stranger}`)
  expect(exitCode).toBe(5)
  expect(err).toContain('hundredfold.maintenance')
  expect(err).toContain('Nothing was done')
})

test('without a terminal and without a yes nothing is done', async () => {
  await owner.query(
    `CREATE FUNCTION private.add_partitions_of_orders() RETURNS SETOF text LANGUAGE sql AS 'SELECT ''x''::text'`,
  )
  await owner.query(`UPDATE hundredfold.maintenance SET done_at = done_at - interval '1 day'`)
  const { exitCode, err } = await callCommand(['maintain', 'daily'], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expect(exitCode).toBe(5)
  expect(err).toContain('--yes')
})
