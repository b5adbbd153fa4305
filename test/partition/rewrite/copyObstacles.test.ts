import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { planPartitions } from '../../../src/partition/plan.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  owner = await database.connect(database.ownerUrl)
})
afterAll(() => database.drop())

async function refusedOf(table: string, accept: string[] = []): Promise<[string, string][]> {
  const plan = await planPartitions(owner, {
    ...{ table: { schema: 'public', name: table }, key: 'day', every: 'month', ahead: 1 },
    ...{ accept, rewriteHistory: true },
  })
  expect(plan.operations.length > 0).toBe(plan.refused.length === 0)
  return plan.refused.map(({ name, reason }) => [name, reason])
}

test('a table without a primary key is refused by its name', async () => {
  await owner.query('CREATE TABLE public.keyless (id bigint UNIQUE NOT NULL, day date NOT NULL)')
  expect(await refusedOf('keyless', ['keyless_id_key'])).toEqual([
    ['public.keyless', 'it has no primary key, by which each of its rows could be found in the copy'],
  ])
})

test('a unique index without the key goes by its name', async () => {
  await owner.query(
    'CREATE TABLE public.lone (id bigint, day date, note text, PRIMARY KEY (id, day)); CREATE UNIQUE INDEX lone_note ON public.lone (note)',
  )
  expect(await refusedOf('lone')).toEqual([
    ['lone_note', 'a unique index without the key goes with the table as it was'],
  ])
  expect(await refusedOf('lone', ['lone_note'])).toEqual([])
})

test('a publication of all tables is named, since it would publish the copy', async () => {
  const superuser = await database.connect()
  await superuser.query('CREATE PUBLICATION everything FOR ALL TABLES')
  const names = (await refusedOf('lone', ['lone_note'])).map(([name]) => name)
  expect(new Set(names)).toEqual(new Set(['everything']))
  expect(await refusedOf('lone', ['lone_note', 'everything'])).toEqual([])
  await superuser.query('DROP PUBLICATION everything')
})

test('rows from too long ago are refused with what to do', async () => {
  await owner.query(
    `CREATE TABLE public.old (id bigint, day date, PRIMARY KEY (id, day)); INSERT INTO public.old VALUES (1, '0001-01-01')`,
  )
  await expect(refusedOf('old')).rejects.toThrow('there would be more than 1000 partitions')
})
