import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { securityDefinerView } from '../../../src/rules/policies/securityDefinerView.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('security_definer_view', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.t (id int); CREATE VIEW public.bad AS SELECT * FROM public.t; GRANT SELECT ON public.bad TO anon;
      CREATE VIEW public.good AS SELECT * FROM public.t; CREATE VIEW public.also_good WITH (security_invoker = true) AS SELECT * FROM public.t;
      GRANT SELECT ON public.also_good TO anon`)
  })
  afterAll(() => database.drop())

  const subjects = async (): Promise<string[]> =>
    (await findWith(owner, securityDefinerView, ['public']))
      .map(({ subject }) => subject.slice(1).join(' '))
      .sort()

  it('finds a view that the API reads with the rights of the owner', async () => {
    expect(await subjects()).toEqual(['bad'])
  })
})
