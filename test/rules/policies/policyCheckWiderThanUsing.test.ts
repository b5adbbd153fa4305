import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { policyCheckWiderThanUsing } from '../../../src/rules/policies/policyCheckWiderThanUsing.ts'
import { createAuthPlatform } from '../../support/authPlatform.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('policy_check_wider_than_using', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    await createAuthPlatform(await database.connect())
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.t (id int, owner uuid, draft boolean, open boolean); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
      CREATE POLICY bad_true ON public.t FOR UPDATE USING (owner = auth.uid()) WITH CHECK (true);
      CREATE POLICY bad_part ON public.t FOR ALL USING (owner = (SELECT auth.uid()) AND draft) WITH CHECK (draft);
      CREATE POLICY bad_arm ON public.t FOR UPDATE USING (owner = auth.uid()) WITH CHECK (owner = (SELECT auth.uid()) OR open);
      CREATE POLICY told ON public.t FOR UPDATE USING (owner = auth.uid() AND draft) WITH CHECK (owner = auth.uid());
      CREATE POLICY good_same ON public.t FOR UPDATE USING (owner = auth.uid()) WITH CHECK (owner = (SELECT auth.uid()));
      CREATE POLICY good_narrower ON public.t FOR UPDATE USING (true) WITH CHECK (owner = auth.uid());
      CREATE POLICY good_other ON public.t FOR UPDATE USING (draft) WITH CHECK (open);
      CREATE POLICY good_none ON public.t FOR UPDATE USING (owner = auth.uid());
      CREATE POLICY good_kind ON public.t AS RESTRICTIVE FOR UPDATE USING (draft) WITH CHECK (true)`)
  })
  afterAll(() => database.drop())

  const found = async (): Promise<string[]> =>
    (await findWith(owner, policyCheckWiderThanUsing, ['public']))
      .map(({ level, subject }) => `${level} ${subject.slice(1).join(' ')}`.trim())
      .sort()

  it('warns where WITH CHECK does not ask whose row it is, and mentions what else it does not ask', async () => {
    expect(await found()).toEqual(['info t told', 'warn t bad_arm', 'warn t bad_part', 'warn t bad_true'])
  })
})
