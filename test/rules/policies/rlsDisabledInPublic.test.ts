import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rlsDisabledInPublic } from '../../../src/rules/policies/rlsDisabledInPublic.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('rls_disabled_in_public', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.bad (id int); GRANT SELECT ON public.bad TO anon;
      CREATE TABLE public.good (id int); CREATE TABLE public.also_good (id int); GRANT ALL ON public.also_good TO authenticated;
      ALTER TABLE public.also_good ENABLE ROW LEVEL SECURITY; CREATE SCHEMA hidden; REVOKE ALL ON SCHEMA hidden FROM PUBLIC;
      CREATE TABLE hidden.good (id int); GRANT ALL ON hidden.good TO anon`)
  })
  afterAll(() => database.drop())

  const subjects = async (): Promise<string[]> =>
    (await findWith(owner, rlsDisabledInPublic, ['public']))
      .map(({ subject }) => subject.slice(1).join(' '))
      .sort()

  it('finds a table that a role of the API can reach', async () => {
    expect(await subjects()).toEqual(['bad'])
    expect(await findWith(owner, rlsDisabledInPublic, ['hidden'])).toEqual([])
    expect((await findWith(owner, rlsDisabledInPublic))[0]?.detail).toMatch('anon may use it')
  })
})
