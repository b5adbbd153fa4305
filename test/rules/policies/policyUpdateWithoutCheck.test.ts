import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { policyUpdateWithoutCheck } from '../../../src/rules/policies/policyUpdateWithoutCheck.ts'
import { createAuthPlatform } from '../../support/authPlatform.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('policy_update_without_check', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    await createAuthPlatform(await database.connect())
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public.t (id int, owner uuid, open boolean); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
      CREATE POLICY bad ON public.t FOR UPDATE USING (open OR owner = auth.uid());
      CREATE POLICY bad_all ON public.t USING (owner = (SELECT auth.uid()) OR open);
      CREATE POLICY good_check ON public.t FOR UPDATE USING (open OR owner = auth.uid()) WITH CHECK (owner = auth.uid());
      CREATE POLICY good_own ON public.t FOR UPDATE USING (owner = auth.uid());
      CREATE POLICY good_caller ON public.t FOR UPDATE USING (owner = auth.uid() OR auth.jwt() ->> 'role' = 'admin');
      CREATE POLICY good_select ON public.t FOR SELECT USING (open OR owner = auth.uid());
      GRANT UPDATE, SELECT ON public.t TO authenticated;
      INSERT INTO public.t VALUES (1, '00000000-0000-0000-0000-00000000000a', true)`)
  })
  afterAll(() => database.drop())

  const found = async (): Promise<string[]> =>
    (await findWith(owner, policyUpdateWithoutCheck, ['public']))
      .map(({ level, subject }) => `${level} ${subject.slice(1).join(' ')}`.trim())
      .sort()

  it('finds policies by which a row can be taken over', async () => {
    expect(await found()).toEqual(['warn t bad', 'warn t bad_all'])
  })

  it('is right: a stranger takes the row over', async () => {
    await owner.query(
      `DROP POLICY bad_all ON public.t; DROP POLICY good_check ON public.t; DROP POLICY good_own ON public.t; DROP POLICY good_caller ON public.t`,
    )
    await owner.query(`BEGIN; SET LOCAL ROLE authenticated;
      SET LOCAL "request.jwt.claims" = '{"sub": "00000000-0000-0000-0000-00000000000b"}'`)
    const { rowCount } = await owner.query(
      `UPDATE public.t SET owner = auth.uid(), open = false WHERE id = 1`,
    )
    await owner.query('ROLLBACK')
    expect(rowCount).toBe(1)
  })
})
