import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { planPartitions } from '../../src/partition/plan.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { writeSeries } from './writeSeries.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
})
afterAll(() => database.drop())

const long = 'a_table_whose_name_has_sixty_three_bytes_and_is_cut_for_suffix_'

test.each([
  ['day', 'date', 'things'],
  ['week', 'timestamp', 'Things of ours'],
  ['month', 'timestamptz', long],
  ['year', 'timestamptz', 'ümläut'],
] as const)('partitions of a %s are made ahead, over a key of type %s', async (every, type, name) => {
  await owner.query(`CREATE TABLE public."${name}" (id integer, at ${type} NOT NULL, PRIMARY KEY (id, at))`)
  const table = { schema: 'public', name }
  const plan = await planPartitions(owner, { table, key: 'at', every, ahead: 2, accept: [] })
  await using files = await migrationDirectory({})
  await writeSeries(files.path, plan.operations)
  expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
  const call = `SELECT private."${plan.subject?.functions.addPartitions}"(12) AS made`
  const made = await owner.query<{ made: string }>(call)
  expect(made.rows.length).toBeGreaterThan(3)
  expect((await owner.query(call)).rows).toEqual([])
  const ranges = await owner.query<{ bound: string; open: boolean }>(
    `SELECT pg_get_expr(relpartbound, oid) AS bound, NOT relrowsecurity AS open FROM pg_inherits JOIN pg_class ON oid = inhrelid
     WHERE inhparent = $1::regclass AND pg_get_expr(relpartbound, oid) <> 'DEFAULT' ORDER BY 1`,
    [`public."${name}"`],
  )
  expect(ranges.rows.filter(({ open }) => open)).toEqual([])
  const step = { day: '1 day', week: '7 days', month: '1 month', year: '1 year' }[every]
  // One row in each of the next twelve intervals: none may fall into the default partition.
  await owner.query(
    `INSERT INTO public."${name}" SELECT n, now() + n * interval '${step}' FROM generate_series(1, 11) n`,
  )
  const stray = await owner.query(`SELECT FROM ONLY public."${plan.subject?.defaultPartition.name}"`)
  expect(stray.rowCount).toBe(0)
  expect((await runDown(owner, files.path)).failure?.message).toBeUndefined()
  const rows = await owner.query<{ count: string }>(`SELECT count(*) FROM ONLY public."${name}"`)
  expect(rows.rows).toEqual([{ count: '11' }])
  await owner.query(`DROP TABLE public."${name}"; DROP SCHEMA hundredfold CASCADE`)
})
