import type { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import type { Clock } from '../../../src/policies/proof/clock.ts'
import { startClock } from '../../../src/policies/proof/clock.ts'
import { proveEquivalence } from '../../../src/policies/proof/prove.ts'
import { judgeByStructure } from '../../../src/policies/proof/sameStructure.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

const notes = { schema: 'public', name: 'notes' }
const rewrite = {
  policy: 'read',
  using: '(org_id IN ( SELECT public.org_ids() AS org_ids))',
  check: null,
}

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  const superuser = await database.connect()
  await superuser.query(`
    CREATE TABLE public.orgs (id uuid PRIMARY KEY, owner_id uuid);
    CREATE TABLE public.notes (id int PRIMARY KEY, org_id uuid, author text);
    CREATE FUNCTION public.org_ids() RETURNS SETOF uuid LANGUAGE plpgsql STABLE AS $$
      BEGIN
        IF coalesce(current_setting('request.jwt.claims', true), '') IN ('', '{}') THEN RAISE 'nobody is signed in'; END IF;
        RETURN QUERY SELECT id FROM public.orgs;
      END $$;
    CREATE FUNCTION public.is_org(org uuid) RETURNS boolean LANGUAGE sql STABLE
      AS $$ SELECT EXISTS (SELECT 1 FROM public.org_ids() AS o WHERE o = org) $$;
    ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY read ON public.notes FOR SELECT USING (public.is_org(org_id));
    GRANT SELECT ON public.notes, public.orgs TO public;
  `)
  owner = superuser
})
afterAll(() => database.drop())

/** A clock that is over after the first look. */
function overAfterOne(): Clock {
  let looks = 0
  return {
    remainingMs: () => 10_000,
    isOver: () => (looks += 1) > 1,
    part: () => overAfterOne(),
  }
}

async function judge(clock: Clock) {
  return readOnly(owner, async () => {
    const look = { db: borrow(owner), clock, searchPath: 'public' }
    return (await judgeByStructure(look, notes, [rewrite])).get('read')?.differences ?? []
  })
}

it('names the error of a part that would run once per statement, for callers without claims', async () => {
  expect(await judge(startClock(10_000))).toContainEqual(
    expect.objectContaining({ effect: 'fails now', after: 'P0001' }),
  )
})

it('still reports an error that it has seen when the time is over, before a migration is written', async () => {
  expect(await judge(overAfterOne())).toContainEqual(
    expect.objectContaining({ effect: 'fails now', after: 'P0001' }),
  )
})

it('finds the same error in the condition of a migration', async () => {
  const report = await readOnly(owner, () => proveEquivalence(borrow(owner), notes, [rewrite], {}))
  expect(report.outcome).toBe('different')
})
