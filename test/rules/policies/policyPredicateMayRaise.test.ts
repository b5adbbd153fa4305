import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { policyPredicateMayRaise } from '../../../src/rules/policies/policyPredicateMayRaise.ts'
import { createAuthPlatform } from '../../support/authPlatform.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('policy_predicate_may_raise', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    await createAuthPlatform(await database.connect())
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.t (id int, path text, kinds text[], owner uuid, extra jsonb); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
      CREATE POLICY bad_element ON public.t USING (owner IS NULL AND (string_to_array(path, '/'))[1]::uuid = auth.uid());
      CREATE POLICY bad_column ON public.t USING (path::int = 1); CREATE POLICY bad_array ON public.t USING (kinds[1]::date < now());
      CREATE POLICY bad_json ON public.t USING ((extra ->> 'n')::int = 1); CREATE POLICY bad_part ON public.t FOR INSERT WITH CHECK (split_part(path, '/', 1)::uuid = owner);
      CREATE POLICY good_text ON public.t USING (path = auth.uid()::text); CREATE POLICY good_wide ON public.t USING (id::bigint = 1);
      CREATE POLICY good_guarded ON public.t USING (CASE WHEN path ~ '^[0-9]{1,4}$' THEN path::int = 1 ELSE false END);
      CREATE POLICY good_caller ON public.t USING (owner = (auth.jwt() ->> 'sub')::uuid); CREATE POLICY good_same ON public.t USING (owner::uuid = auth.uid())`)
  })
  afterAll(() => database.drop())

  const found = async (): Promise<string[]> =>
    (await findWith(owner, policyPredicateMayRaise, ['public']))
      .map(({ level, subject }) => `${level} ${subject.slice(1).join(' ')}`.trim())
      .sort()

  it('finds casts of a text of the row, unless a CASE guards them', async () => {
    expect(await found()).toEqual([
      'warn t bad_array',
      'warn t bad_column',
      'warn t bad_element',
      'warn t bad_json',
      'warn t bad_part',
    ])
  })
})
