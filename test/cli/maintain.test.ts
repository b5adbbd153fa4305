import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

interface Document {
  due: { task: string; subject: string; why: string }[]
  done: { task: string; subject: string; failed?: string; result?: string }[]
  findings: object[] | null
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
