import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anonSecurityDefinerFunctionExecutable } from '../../../src/rules/policies/anonSecurityDefinerFunctionExecutable.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('anon_security_definer_function_executable', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.t (id int); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
      CREATE FUNCTION public.bad(a int) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT a';
      CREATE FUNCTION public.of_policy() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT true';
      CREATE FUNCTION public.told() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT session_user::text';
      CREATE FUNCTION public.good_invoker() RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE FUNCTION public.good_closed() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
      CREATE FUNCTION public.good_trigger() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END';
      REVOKE EXECUTE ON FUNCTION public.good_closed() FROM PUBLIC, anon, authenticated;
      CREATE POLICY own ON public.t FOR SELECT TO authenticated USING (public.of_policy())`)
  })
  afterAll(() => database.drop())

  const found = async (): Promise<string[]> =>
    (await findWith(owner, anonSecurityDefinerFunctionExecutable, ['public']))
      .map(({ level, subject }) => `${level} ${subject.slice(1).join(' ')}`.trim())
      .sort()

  it('finds what strangers can call, and mentions what asks who is calling', async () => {
    expect(await found()).toEqual(['info told', 'warn bad a integer', 'warn of_policy'])
  })
})
