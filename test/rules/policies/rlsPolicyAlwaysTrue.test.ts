import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rlsPolicyAlwaysTrue } from '../../../src/rules/policies/rlsPolicyAlwaysTrue.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('rls_policy_always_true', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.t (id int); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
      CREATE POLICY bad_all ON public.t USING (true); CREATE POLICY bad_insert ON public.t FOR INSERT WITH CHECK (true);
      CREATE POLICY bad_delete ON public.t FOR DELETE TO anon, authenticated USING (true);
      CREATE POLICY bad_update ON public.t FOR UPDATE USING (true) WITH CHECK (true);
      CREATE POLICY good_select ON public.t FOR SELECT USING (true); CREATE POLICY good_check ON public.t FOR ALL USING (true) WITH CHECK (id = 1);
      CREATE POLICY good_role ON public.t FOR ALL TO service_role USING (true);
      CREATE POLICY good_kind ON public.t AS RESTRICTIVE FOR ALL USING (true); CREATE POLICY good_false ON public.t FOR DELETE USING (false)`)
  })
  afterAll(() => database.drop())

  const subjects = async (): Promise<string[]> =>
    (await findWith(owner, rlsPolicyAlwaysTrue, ['public']))
      .map(({ subject }) => subject.slice(1).join(' '))
      .sort()

  it('finds policies that let everybody write, and not those that let everybody read', async () => {
    expect(await subjects()).toEqual(['t bad_all', 't bad_delete', 't bad_insert', 't bad_update'])
  })
})
