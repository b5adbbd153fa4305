import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { multiplePermissivePolicies } from '../../../src/rules/policies/multiplePermissivePolicies.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('multiple_permissive_policies', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.bad (id int); ALTER TABLE public.bad ENABLE ROW LEVEL SECURITY;
      CREATE POLICY a ON public.bad FOR SELECT TO anon USING (id = 1); CREATE POLICY b ON public.bad FOR ALL USING (id = 2);
      CREATE TABLE public.good (id int); ALTER TABLE public.good ENABLE ROW LEVEL SECURITY;
      CREATE POLICY a ON public.good FOR SELECT TO anon USING (id = 1); CREATE POLICY b ON public.good FOR SELECT TO authenticated USING (id = 2);
      CREATE POLICY c ON public.good AS RESTRICTIVE FOR SELECT USING (id = 2); CREATE POLICY d ON public.good FOR UPDATE USING (id = 2)`)
  })
  afterAll(() => database.drop())

  const subjects = async (): Promise<string[]> =>
    (await findWith(owner, multiplePermissivePolicies, ['public']))
      .map(({ subject }) => subject.slice(1).join(' '))
      .sort()

  it('names the role and the command, as advice only', async () => {
    expect(await subjects()).toEqual(['bad anon SELECT'])
    const [finding] = await findWith(owner, multiplePermissivePolicies)
    expect(finding).toMatchObject({ level: 'info', remedy: { kind: 'none' } })
  })
})
