import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rlsOnlyRestrictivePolicies } from '../../../src/rules/policies/rlsOnlyRestrictivePolicies.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('rls_only_restrictive_policies', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.bad (id int); CREATE TABLE public.bad_command (id int); CREATE TABLE public.good (id int); CREATE TABLE public.good_off (id int);
      ALTER TABLE public.bad ENABLE ROW LEVEL SECURITY; ALTER TABLE public.bad_command ENABLE ROW LEVEL SECURITY; ALTER TABLE public.good ENABLE ROW LEVEL SECURITY;
      CREATE POLICY r ON public.bad AS RESTRICTIVE USING (id = 1); CREATE POLICY r ON public.good_off AS RESTRICTIVE USING (id = 1);
      CREATE POLICY r ON public.bad_command AS RESTRICTIVE FOR DELETE USING (id = 1); CREATE POLICY p ON public.bad_command FOR SELECT USING (id = 1);
      CREATE POLICY r ON public.good AS RESTRICTIVE USING (id = 1); CREATE POLICY p ON public.good FOR SELECT USING (id = 1)`)
  })
  afterAll(() => database.drop())

  const found = async (): Promise<string[]> =>
    (await findWith(owner, rlsOnlyRestrictivePolicies, ['public']))
      .map(({ level, subject }) => `${level} ${subject.slice(1).join(' ')}`.trim())
      .sort()

  it('finds tables where a command has restrictive policies and no permissive one', async () => {
    expect(await found()).toEqual(['warn bad', 'warn bad_command'])
  })
})
