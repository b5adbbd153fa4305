import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from 'pg'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { canonical, parseExpression } from '../../../src/syntax/expression.ts'
import { createPolicies, rewritesIn } from '../rewriting.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE SCHEMA auth;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT current_setting('request.sub', true)::uuid $$;
    CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT current_setting('request.jwt', true)::jsonb $$;
    CREATE FUNCTION is_admin() RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true';
    CREATE FUNCTION is_admin_of(who uuid) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true';
    CREATE FUNCTION dice() RETURNS boolean LANGUAGE sql STABLE AS 'SELECT random() < 0.5';
    CREATE FUNCTION doubled(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
    CREATE FUNCTION cached_me() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT auth.uid() $$;
    CREATE FUNCTION teams() RETURNS uuid[] LANGUAGE sql STABLE AS $$ SELECT '{}'::uuid[] $$;
    CREATE FUNCTION team_set() RETURNS SETOF uuid LANGUAGE sql STABLE AS $$ SELECT NULL::uuid $$;
    CREATE FUNCTION of_row(who uuid) RETURNS uuid LANGUAGE sql STABLE AS 'SELECT who';
    CREATE DOMAIN small AS int CHECK (VALUE < 10);
    CREATE TABLE members (id uuid, team uuid, person uuid, role text);
    CREATE TABLE t (id uuid, owner uuid, team uuid, n int, at timestamptz, flags text[], doc jsonb);
    CREATE FUNCTION quota() RETURNS boolean LANGUAGE sql AS 'SELECT count(*) < 3 FROM public.t';
    CREATE FUNCTION quota_of(who uuid) RETURNS boolean LANGUAGE sql AS 'SELECT count(*) < 3 FROM public.t WHERE owner = who';
    CREATE FUNCTION undeclared() RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.members)';
    ALTER TABLE t ENABLE ROW LEVEL SECURITY;
  `)
})
afterAll(() => database.drop())

/** The predicate before and after, as PostgreSQL prints the one and we print the other. */
async function rewrite(predicate: string) {
  await owner.query('BEGIN')
  try {
    await createPolicies(owner, 't', [predicate])
    await owner.query('COMMIT')
    const found = (await rewritesIn(owner, ['auth_rls_initplan', 'policy_function_initplan'])).get('p0')
    return {
      using: found && found.changes.length > 0 ? found.after.using : null,
      rules: [...new Set(found?.changes.map(({ rule }) => rule))],
      refusals: found?.refusals.map(({ reason }) => reason) ?? [],
    }
  } finally {
    await owner.query('ROLLBACK')
    await owner.query('DROP POLICY p0 ON t')
  }
}

/** The predicate as its tree, however it is written. */
async function meaning(predicate: string | null | undefined): Promise<string> {
  return canonical(await parseExpression(predicate ?? 'NULL'))
}

describe('wrapCalls wraps', () => {
  test.each([
    ['a call compared with a column', 'owner = auth.uid()', 'owner = (SELECT auth.uid())'],
    ['a call on its own', 'is_admin()', '(SELECT public.is_admin())'],
    [
      'every arm of an OR',
      'owner = auth.uid() OR is_admin()',
      'owner = (SELECT auth.uid()) OR (SELECT public.is_admin())',
    ],
    ['the outermost call', 'is_admin_of(auth.uid())', '(SELECT public.is_admin_of(auth.uid()))'],
    [
      'what is wrapped by half',
      'is_admin_of((SELECT auth.uid()))',
      '(SELECT public.is_admin_of((SELECT auth.uid() AS uid)))',
    ],
    [
      'casts and operators around the call',
      `team = (auth.jwt() ->> 'team')::uuid`,
      `team = (SELECT (auth.jwt() ->> 'team'::text)::uuid)`,
    ],
    [
      'a setting',
      `owner = current_setting('app.me')::uuid`,
      `owner = (SELECT current_setting('app.me'::text)::uuid)`,
    ],
    [
      'an array, with the cast that keeps it an array',
      'team = ANY (teams())',
      'team = ANY ((SELECT public.teams())::uuid[])',
    ],
    ['the elements of a list', 'owner IN (auth.uid(), id)', 'owner = (SELECT auth.uid()) OR owner = id'],
    [
      'a call beside a column in a call',
      'of_row(owner) = auth.uid()',
      'public.of_row(owner) = (SELECT auth.uid())',
    ],
    [
      'the rest of a fake wrap',
      '(SELECT of_row(t.owner) = auth.uid())',
      '(SELECT public.of_row(t.owner) = (SELECT auth.uid()))',
    ],
    [
      'calls within sub-selects, whose rows are rows too',
      'EXISTS (SELECT 1 FROM members m WHERE m.team = t.team AND m.person = auth.uid())',
      'EXISTS (SELECT 1 FROM public.members m WHERE m.team = t.team AND m.person = (SELECT auth.uid()))',
    ],
    [
      'arms of CASE and COALESCE whole',
      `owner = COALESCE(auth.uid(), '00000000-0000-0000-0000-000000000000')`,
      `owner = (SELECT COALESCE(auth.uid(), '00000000-0000-0000-0000-000000000000'::uuid))`,
    ],
    ['what is under NOT', 'NOT is_admin()', 'NOT (SELECT public.is_admin())'],
    ['a VOLATILE function that reads another table', 'undeclared()', '(SELECT public.undeclared())'],
    ['an argument of a quota', 'quota_of(auth.uid())', 'public.quota_of((SELECT auth.uid()))'],
    [
      'what a cast to a domain with checks holds',
      `n = (auth.jwt() ->> 'n')::small`,
      `n = (SELECT auth.jwt() ->> 'n'::text)::public.small::integer`,
    ],
  ])('%s', async (_, predicate, expected) => {
    const { using } = await rewrite(predicate)
    expect(await meaning(using)).toBe(await meaning(expected))
  })
})

describe('wrapCalls leaves', () => {
  test.each([
    ['a wrapped call', 'owner = (SELECT auth.uid())'],
    ['a cast within the wrap', `team = (SELECT (auth.jwt() ->> 'team')::uuid)`],
    ['a wrapped array', 'team = ANY ((SELECT teams())::uuid[])'],
    ['an array or a set that is read once', 'team = ANY (ARRAY(SELECT team_set()))'],
    ['a set within IN', 'team IN (SELECT team_set())'],
    ['a call of the row', 'of_row(owner) = id'],
    ['the server’s own cheap functions', 'at > now() - interval $$1 day$$'],
    ['IMMUTABLE calls on constants', 'n = doubled(2)'],
    ['constants', 'true'],
  ])('%s', async (_, predicate) => {
    expect(await rewrite(predicate)).toEqual({ using: null, rules: [], refusals: [] })
  })
})

describe('wrapCalls refuses', () => {
  test.each([
    [
      'a VOLATILE function that reads the table',
      'quota()',
      'public.quota() is VOLATILE, and it reads public.t, which a command on public.t may change',
    ],
    ['a STABLE function that rolls dice', 'dice()', 'declared STABLE, yet calls random()'],
    ['an IMMUTABLE identity', 'owner = cached_me()', 'declared IMMUTABLE, yet reads auth.uid()'],
    ['a call of a volatile value', 'is_admin_of(gen_random_uuid())', 'gen_random_uuid() is VOLATILE'],
  ])('%s, and names the precondition', async (_, predicate, reason) => {
    const { using, refusals } = await rewrite(predicate)
    expect(using).toBeNull()
    expect(refusals).toEqual([expect.stringContaining(reason)])
  })

  test('policies of a table that belongs to somebody else', async () => {
    const superuser = await database.connect()
    await superuser.query(`
      CREATE TABLE foreign_table (owner uuid);
      CREATE POLICY theirs ON foreign_table USING (owner = auth.uid());`)
    const found = (await rewritesIn(owner)).get('theirs')
    expect(found?.changes).toEqual([])
    expect(found?.refusals).toEqual([
      expect.objectContaining({
        rule: 'auth_rls_initplan',
        reason: expect.stringContaining('belongs to') as string,
      }),
    ])
    await superuser.query('DROP TABLE foreign_table')
  })
})

test('only the chosen rules change anything', async () => {
  await createPolicies(owner, 't', ['owner = auth.uid() OR is_admin() OR is_admin_of(auth.uid())'])
  const found = (await rewritesIn(owner, ['auth_rls_initplan'])).get('p0')
  await owner.query('DROP POLICY p0 ON t')
  expect(await meaning(found?.after.using)).toBe(
    await meaning('owner = (SELECT auth.uid()) OR public.is_admin() OR public.is_admin_of(auth.uid())'),
  )
})
