import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { policyExistsRlsDisabled } from '../../../src/rules/policies/policyExistsRlsDisabled.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('policy_exists_rls_disabled', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.bad (id int); CREATE POLICY p ON public.bad USING (true); CREATE POLICY q ON public.bad USING (true);
      CREATE TABLE public.good (id int); ALTER TABLE public.good ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON public.good USING (true);
      CREATE TABLE public.also_good (id int)`)
  })
  afterAll(() => database.drop())

  const subjects = async (): Promise<string[]> =>
    (await findWith(owner, policyExistsRlsDisabled, ['public']))
      .map(({ subject }) => subject.slice(1).join(' '))
      .sort()

  it('finds a table whose policies have no effect, once, and gives steps', async () => {
    expect(await subjects()).toEqual(['bad'])
    const [finding] = await findWith(owner, policyExistsRlsDisabled)
    expect(finding).toMatchObject({ level: 'error', remedy: { kind: 'runbook' } })
  })
})
