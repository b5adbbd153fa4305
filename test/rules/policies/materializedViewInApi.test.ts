import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { materializedViewInApi } from '../../../src/rules/policies/materializedViewInApi.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('materialized_view_in_api', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.t (id int); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY; CREATE TABLE public.plain (id int);
      CREATE VIEW public.between AS SELECT * FROM public.t;
      CREATE MATERIALIZED VIEW public.bad AS SELECT * FROM public.t; CREATE MATERIALIZED VIEW public.bad_through AS SELECT * FROM public.between;
      CREATE MATERIALIZED VIEW public.told AS SELECT * FROM public.plain; CREATE MATERIALIZED VIEW public.good AS SELECT * FROM public.t;
      GRANT SELECT ON public.bad, public.bad_through, public.told TO authenticated`)
  })
  afterAll(() => database.drop())

  const found = async (): Promise<string[]> =>
    (await findWith(owner, materializedViewInApi, ['public']))
      .map(({ level, subject }) => `${level} ${subject.slice(1).join(' ')}`.trim())
      .sort()

  it('warns of those over tables with policies, and mentions the others', async () => {
    expect(await found()).toEqual(['info told', 'warn bad', 'warn bad_through'])
  })
})
