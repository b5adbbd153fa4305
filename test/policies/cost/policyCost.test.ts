import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readOnce } from '../../../src/catalog/reader.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import type { RlsCost, RlsCostOptions } from '../../../src/policies/cost/policyCost.ts'
import { readParsedPolicies } from '../../../src/policies/rewrite/parsedPolicies.ts'
import { rlsCosts } from '../../../src/policies/cost/policyCost.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

const identity = { role: 'authenticated', claims: { sub: 'u7' } }

describe('rlsCosts', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE FUNCTION public.me() RETURNS text LANGUAGE plpgsql STABLE COST 10 AS
        $$ BEGIN PERFORM count(*) FROM generate_series(1, 20); RETURN current_setting('request.jwt.claims', true)::json ->> 'sub'; END $$;
      CREATE TABLE public.notes (id int PRIMARY KEY, owner text, open boolean);
      INSERT INTO public.notes SELECT n, 'u' || n % 100, n % 50 = 0 FROM generate_series(1, 10000) n;
      ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY; GRANT SELECT ON public.notes TO authenticated;
      CREATE POLICY "open ones" ON public.notes FOR SELECT USING (open);
      CREATE POLICY mine ON public.notes FOR SELECT TO authenticated USING (owner = public.me());
      CREATE POLICY theirs ON public.notes FOR SELECT TO anon USING (owner = 'x');
      CREATE POLICY not_three ON public.notes AS RESTRICTIVE USING (id <> 3);
      CREATE TABLE public.quiet (id int); ANALYZE`)
  })
  afterAll(() => database.drop())

  const measure = (options: Partial<RlsCostOptions> = {}): Promise<RlsCost[]> =>
    readOnly(owner, async () =>
      rlsCosts(borrow(owner), await readOnce(borrow(owner))(readParsedPolicies), { identity, ...options }),
    )

  it('measures the read as the user, the same rows without policies, and the price of each policy', async () => {
    const [cost, ...others] = await measure()
    expect(others).toEqual([])
    expect(cost?.table).toEqual({ schema: 'public', name: 'notes' })
    expect(cost?.rows).toBe(300)
    expect(cost?.policies.map(({ name }) => name)).toEqual(['mine', 'not_three', 'open ones'])
    const price = new Map(cost?.policies.map((each) => [each.name, each.price]))
    expect(price.get('mine')).toBeGreaterThan(price.get('open ones') ?? 0)
    expect(cost?.asUser).toBeGreaterThan(cost?.writtenOut ?? Infinity)
  })

  it('gives up a statement at the time limit, skips a table that is too large, and says so', async () => {
    const [slow] = await measure({ timeoutMs: 5 })
    expect(slow?.asUser).toBeNull()
    const [large] = await measure({ mostRows: 100 })
    expect(large?.skipped).toMatch(/10000 rows/)
  })

  it('leaves the session as it was', async () => {
    await readOnly(owner, async () => {
      await rlsCosts(borrow(owner), await readOnce(borrow(owner))(readParsedPolicies), { identity })
      const { rows } = await owner.query(
        `SELECT current_user AS role, current_setting('request.jwt.claims', true) AS claims, current_setting('statement_timeout') AS timeout`,
      )
      expect(rows).toEqual([{ role: 'casaora_owner', claims: '', timeout: '30s' }])
    })
  })
})
