import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rlsReferencesUserMetadata } from '../../../src/rules/policies/rlsReferencesUserMetadata.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('rls_references_user_metadata', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE SCHEMA auth; CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS 'SELECT NULL::jsonb';
      CREATE TABLE public.people (id int, raw_user_meta_data jsonb); CREATE TABLE public.t (id int, kind text); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
      CREATE POLICY bad_arrow ON public.t USING ((auth.jwt() -> 'user_metadata' ->> 'role') = 'admin');
      CREATE POLICY bad_wrapped ON public.t USING (((SELECT auth.jwt()) #>> '{user_metadata,role}') = 'admin');
      CREATE POLICY bad_check ON public.t FOR INSERT WITH CHECK (current_setting('request.jwt.claims', true)::jsonb -> 'user_metadata' ? 'x');
      CREATE POLICY bad_column ON public.t USING (EXISTS (SELECT FROM public.people p WHERE p.raw_user_meta_data ->> 'a' = 'b'));
      CREATE POLICY good_app ON public.t USING ((auth.jwt() -> 'app_metadata' ->> 'role') = 'admin');
      CREATE POLICY good_word ON public.t USING (kind = 'user_metadata')`)
  })
  afterAll(() => database.drop())

  const subjects = async (): Promise<string[]> =>
    (await findWith(owner, rlsReferencesUserMetadata, ['public']))
      .map(({ subject }) => subject.slice(1).join(' '))
      .sort()

  it('finds policies that trust what users write about themselves, however it is spelled', async () => {
    expect(await subjects()).toEqual(['t bad_arrow', 't bad_check', 't bad_column', 't bad_wrapped'])
  })
})
