import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { planPartitions } from '../../src/partition/plan.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { writeSeries } from './writeSeries.ts'

let database: TestDatabase
let owner: Client
let other: Client
let files: Awaited<ReturnType<typeof migrationDirectory>>
let rebuilds: number

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  other = await database.connect(database.ownerUrl)
})
afterAll(() => database.drop())

beforeEach(async () => {
  await owner.query(`
    CREATE SCHEMA shop;
    CREATE TABLE shop.lines (id integer, at date NOT NULL, PRIMARY KEY (id, at));
    INSERT INTO shop.lines SELECT n, current_date - n FROM generate_series(1, 100) n;
    CREATE MATERIALIZED VIEW shop.counted AS
      SELECT 1 AS id, count(*)::int AS lines, (SELECT pg_advisory_xact_lock_shared(1)) IS NULL AS waited FROM shop.lines;
    CREATE UNIQUE INDEX ON shop.counted (id);
    CREATE MATERIALIZED VIEW shop.doubled AS SELECT lines * 2 AS lines FROM shop.counted`)
  const plan = await planPartitions(owner, {
    ...{ table: { schema: 'shop', name: 'lines' }, key: 'at', every: 'month', ahead: 2, accept: [] },
  })
  expect(plan.refused).toEqual([])
  files = await migrationDirectory({})
  await writeSeries(files.path, plan.operations)
  rebuilds = plan.operations.findIndex(({ title }) => title.startsWith('rebuild-materialized')) + 1
})
afterEach(async () => {
  await owner.query(
    'DROP SCHEMA shop CASCADE; DROP SCHEMA IF EXISTS private CASCADE; DROP SCHEMA hundredfold CASCADE',
  )
  await files[Symbol.asyncDispose]()
})

const shown = async (): Promise<unknown> => {
  const { rows } = await owner.query(
    'SELECT (SELECT lines FROM shop.counted) AS counted, (SELECT lines FROM shop.doubled) AS doubled',
  )
  return rows[0]
}
const refresh = () =>
  owner.query('REFRESH MATERIALIZED VIEW CONCURRENTLY shop.counted; REFRESH MATERIALIZED VIEW shop.doubled')

test('a refresh shows every row, once the table is partitioned and after each migration of the way back', async () => {
  expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
  expect(await shown()).toEqual({ counted: 100, doubled: 200 })
  await owner.query(`INSERT INTO shop.lines SELECT n, current_date + n FROM generate_series(101, 400) n`)
  await refresh()
  expect(await shown()).toEqual({ counted: 400, doubled: 800 })
  for (let id = 1000; ; id += 1) {
    const { failure, ran } = await runDown(owner, files.path, { count: 1 })
    expect(failure?.message).toBeUndefined()
    if (ran.length === 0) break
    await owner.query('INSERT INTO shop.lines VALUES ($1, current_date - 1)', [id])
    await refresh()
    const { rows } = await owner.query(
      'SELECT count(*)::int AS counted, count(*)::int * 2 AS doubled FROM shop.lines',
    )
    expect(await shown()).toEqual(rows[0])
  }
  expect(await relations()).toEqual(['counted', 'counted_id_idx', 'doubled', 'lines', 'lines_pkey'])
})

test('while a view is built it can be read and the table written, and a run that was cut off goes on', async () => {
  expect((await runUp(owner, files.path, { count: rebuilds - 1 })).failure?.message).toBeUndefined()
  await other.query('SELECT pg_advisory_lock(1)')
  const runner = await database.connect(database.ownerUrl)
  const pid = await runner.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  runner.on('error', () => undefined)
  const run = runUp(runner, files.path, { count: 1 }).catch((error: unknown) => error)
  await waitForBuild(pid.rows[0]?.pid)
  const held = await other.query<{ mode: string }>(
    `SELECT DISTINCT mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation
     WHERE pid = $1 AND relnamespace = 'shop'::regnamespace AND relname NOT LIKE '%next%'`,
    [pid.rows[0]?.pid],
  )
  expect(held.rows).toEqual([{ mode: 'AccessShareLock' }])
  await other.query(`SET lock_timeout = '100ms'`)
  await other.query(`INSERT INTO shop.lines VALUES (5000, current_date - 1)`)
  expect(await shown()).toEqual({ counted: 100, doubled: 200 })
  await other.query('SELECT pg_terminate_backend($1)', [pid.rows[0]?.pid])
  await run
  await other.query('SELECT pg_advisory_unlock(1)')
  expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
  expect(await shown()).toEqual({ counted: 101, doubled: 202 })
  expect((await relations()).filter((name) => /next|former|detour/.test(name))).toEqual([])
})

test('somebody who reads a view keeps it from being exchanged, and others read on meanwhile', async () => {
  expect((await runUp(owner, files.path, { count: rebuilds - 1 })).failure?.message).toBeUndefined()
  await other.query('BEGIN; SELECT * FROM shop.counted')
  const third = await database.connect(database.ownerUrl)
  const run = runUp(third, files.path, { count: 1 })
  const reader = await database.connect(database.ownerUrl)
  await reader.query(`SET lock_timeout = '500ms'`)
  const until = Date.now() + 4000
  while (Date.now() < until) await reader.query('SELECT lines FROM shop.counted, pg_sleep(0.01)')
  await other.query('COMMIT')
  expect((await run).failure?.message).toBeUndefined()
})

test('a view that was never filled stays so', async () => {
  await owner.query('REFRESH MATERIALIZED VIEW shop.doubled WITH NO DATA')
  expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
  await expect(shown()).rejects.toThrow('has not been populated')
})

async function relations(): Promise<string[]> {
  const { rows } = await owner.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'shop'::regnamespace ORDER BY 1`,
  )
  return rows.map(({ name }) => name)
}

/** Until the query of the view waits for the lock that the test holds. */
async function waitForBuild(pid: number | undefined): Promise<void> {
  for (;;) {
    const { rows } = await other.query(
      `SELECT FROM pg_locks WHERE pid = $1 AND locktype = 'advisory' AND NOT granted`,
      [pid],
    )
    if (rows.length > 0) return
    await other.query('SELECT pg_sleep(0.02)')
  }
}
