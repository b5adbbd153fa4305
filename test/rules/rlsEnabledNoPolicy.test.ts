import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rlsEnabledNoPolicy } from '../../src/rules/rlsEnabledNoPolicy.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { findWith } from './findWith.ts'

describe('rls_enabled_no_policy', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.bad (id int); ALTER TABLE public.bad ENABLE ROW LEVEL SECURITY;
      CREATE TABLE public.good (id int, d int) PARTITION BY LIST (d); CREATE TABLE public.part PARTITION OF public.good DEFAULT;
      ALTER TABLE public.good ENABLE ROW LEVEL SECURITY; ALTER TABLE public.part ENABLE ROW LEVEL SECURITY;
      CREATE POLICY p ON public.good USING (true); CREATE TABLE public.also_good (id int)`)
  })
  afterAll(() => database.drop())

  const subjects = async (): Promise<string[]> =>
    (await findWith(owner, rlsEnabledNoPolicy, ['public']))
      .map(({ subject }) => subject.slice(1).join(' '))
      .sort()

  it('finds a table without a policy, but no partition that is read through its parent', async () => {
    expect(await subjects()).toEqual(['bad'])
  })
})
