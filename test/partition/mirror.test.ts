import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PartitionPlan } from '../../src/partition/plan.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { seededRandom } from '../support/seededRandom.ts'
import { writeSeries } from './writeSeries.ts'

const rows = 20_000
let database: TestDatabase
let owner: Client
let files: MigrationDirectory
let plan: PartitionPlan

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE TABLE public.jobs (id bigint PRIMARY KEY, day date NOT NULL, n integer NOT NULL DEFAULT 0, twice integer
      GENERATED ALWAYS AS (n * 2) STORED, seen integer NOT NULL DEFAULT 0);
    INSERT INTO public.jobs SELECT id, date '2026-01-01' + (id % 200)::int FROM generate_series(1, ${rows}) id;
    -- A trigger of the team that changes the row again, and its neighbour.
    CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      UPDATE public.jobs SET seen = seen + 1 WHERE id IN (NEW.id, NEW.id + 8) AND pg_trigger_depth() < 2;
      RETURN NULL; END $$;
    CREATE TRIGGER "1 see" AFTER INSERT OR UPDATE OF n ON public.jobs FOR EACH ROW WHEN (NEW.n % 7 = 0) EXECUTE FUNCTION public.see();
    ANALYZE public.jobs`)
  plan = await planPartitions(owner, {
    ...{ table: { schema: 'public', name: 'jobs' }, key: 'day', every: 'month' },
    ...{ ahead: 2, accept: ['jobs_pkey'], rewriteHistory: true },
  })
  files = await migrationDirectory({})
  await writeSeries(files.path, plan.operations)
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await database.drop()
})

/** Sessions that change rows at random until they are told to stop; half of them see one snapshot for a whole transaction. */
async function change(seed: number, shouldGoOn: (changes: number) => boolean) {
  const outcome = { changes: 0, serialization: 0, failures: [] as string[] }
  const work = async (session: number): Promise<void> => {
    const client = await database.connect(database.ownerUrl)
    const random = seededRandom(seed * 100 + session)
    const below = (limit: number): number => Math.floor(random.next() * limit)
    const begin = session % 2 === 0 ? 'BEGIN' : 'BEGIN ISOLATION LEVEL REPEATABLE READ'
    const oneChange = (): string => {
      // Each session has rows of its own, so that none waits for another, and all of them share the pages and the key.
      const id = 1 + below(rows / 8) * 8 + session
      const day = `date '2026-01-01' + ${below(260)}`
      const insert = `INSERT INTO public.jobs (id, day) SELECT ${id}, ${day} WHERE NOT EXISTS (SELECT FROM public.jobs WHERE id = ${id})`
      return (
        [
          `UPDATE public.jobs SET n = n + 1 WHERE id = ${id}`,
          `UPDATE public.jobs SET n = n + 1 WHERE id BETWEEN ${id} AND ${id + 16} AND id % 8 = ${id % 8}`,
          `UPDATE public.jobs SET day = ${day}, n = n + 1 WHERE id = ${id}`,
          `DELETE FROM public.jobs WHERE id = ${id}`,
          insert,
          `${insert}; DELETE FROM public.jobs WHERE id = ${id}`,
          `DELETE FROM public.jobs WHERE id = ${id}; INSERT INTO public.jobs (id, day) VALUES (${id}, ${day})`,
        ][below(7)] ?? ''
      )
    }
    while (shouldGoOn(outcome.changes)) {
      try {
        await client.query(`${begin}; SELECT FROM public.jobs LIMIT 1`)
        for (let at = 0; at <= below(3); at += 1) await client.query(oneChange())
        await client.query(random.chance(0.1) ? 'ROLLBACK' : 'COMMIT')
        outcome.changes += 1
      } catch (error) {
        await client.query('ROLLBACK')
        const { code, message } = error as { code?: string; message: string }
        if (code === '40001') outcome.serialization += 1
        else outcome.failures.push(`${begin}: ${message}`)
      }
    }
    await client.end()
  }
  await Promise.all(Array.from({ length: 8 }, (_, session) => work(session)))
  return outcome
}

/** Rows that only one of the two tables has, or has otherwise. */
async function differences(one: string, other: string): Promise<number> {
  const { rows: counted } = await owner.query<{ differing: number }>(`SELECT (
    (SELECT count(*) FROM (TABLE ${one} EXCEPT ALL TABLE ${other}) lost)
    + (SELECT count(*) FROM (TABLE ${other} EXCEPT ALL TABLE ${one}) extra))::int AS differing`)
  return counted[0]?.differing ?? -1
}

/** Runs a part of the series while rows change, and says what the changes came to. */
async function whileRowsChange(seed: number, least: number, run: () => Promise<{ failure?: Error }>) {
  let isRunning = true
  const changing = change(seed, (changes) => isRunning || changes < least)
  const result = await run().finally(() => (isRunning = false))
  expect(result.failure?.message).toBeUndefined()
  const outcome = await changing
  expect(outcome.failures).toEqual([])
  return outcome
}

test('no change is lost while rows are copied, nor between the tables after the swap, nor on the way back', async () => {
  // Each is a transaction of one to three changes.
  const copied = await whileRowsChange(1, 6_000, () =>
    runUp(owner, files.path, { count: 3, maxRowsPerSecond: 8_000 }),
  )
  expect(await differences('public.jobs', 'public.jobs_copy')).toBe(0)
  // Only transactions that see one snapshot may be told to try again.
  expect(copied.serialization).toBeLessThan(copied.changes / 20)
  await whileRowsChange(2, 1_000, () => runUp(owner, files.path, { count: 1 }))
  await whileRowsChange(3, 2_000, () => runUp(owner, files.path))
  expect(await differences('public.jobs', 'public.jobs_before')).toBe(0)
  await whileRowsChange(4, 2_000, () => runDown(owner, files.path, { count: 4 }))
  expect(await differences('public.jobs', 'public.jobs_copy')).toBe(0)
  expect((await runDown(owner, files.path)).failure?.message).toBeUndefined()
})

test('as long as the old table is kept, its primary key holds for the new one', async () => {
  expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
  const twin = `INSERT INTO public.jobs (id, day) SELECT id, day + 40 FROM public.jobs ORDER BY id LIMIT 1`
  await expect(owner.query(twin)).rejects.toMatchObject({ code: '23505', constraint: 'jobs_pkey' })
  await owner.query('UPDATE public.jobs SET id = -id, day = day + 1 WHERE id < 100')
  expect(await differences('public.jobs', 'public.jobs_before')).toBe(0)
  await owner.query('TRUNCATE public.jobs')
  expect(await differences('public.jobs', 'public.jobs_before')).toBe(0)
})

test('a session that fires no triggers of others is mirrored too', async () => {
  const superuser = await database.connect()
  await superuser.query(`
    SET session_replication_role = replica;
    INSERT INTO public.jobs (id, day) SELECT id, date '2026-02-01' + (id % 300)::int FROM generate_series(1, 50) id;
    UPDATE public.jobs SET n = 5 WHERE id < 10; DELETE FROM public.jobs WHERE id = 20`)
  await superuser.end()
  expect(await differences('public.jobs', 'public.jobs_before')).toBe(0)
  expect((await runDown(owner, files.path)).failure?.message).toBeUndefined()
})
