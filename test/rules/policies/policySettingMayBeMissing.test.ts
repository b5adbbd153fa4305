import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { policySettingMayBeMissing } from '../../../src/rules/policies/policySettingMayBeMissing.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('policy_setting_may_be_missing', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.t (id int); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
      CREATE FUNCTION public.tenant() RETURNS int LANGUAGE sql STABLE AS $$ SELECT current_setting('app.tenant')::int $$;
      CREATE POLICY bad ON public.t USING (id = current_setting('app.tenant')::int);
      CREATE POLICY bad_said ON public.t USING (id = current_setting('app.tenant', false)::int);
      CREATE POLICY bad_helper ON public.t USING (id = public.tenant());
      CREATE POLICY good ON public.t USING (id = current_setting('app.tenant', true)::int);
      CREATE POLICY good_server ON public.t USING (current_setting('role') = 'app')`)
  })
  afterAll(() => database.drop())

  const found = async (): Promise<string[]> =>
    (await findWith(owner, policySettingMayBeMissing, ['public']))
      .map(({ level, subject }) => `${level} ${subject.slice(1).join(' ')}`.trim())
      .sort()

  it('finds policies that need a setting, also through a function', async () => {
    expect(await found()).toEqual(['warn t bad', 'warn t bad_helper', 'warn t bad_said'])
  })
})
