import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Client } from 'pg'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { createPolicies, rewritesIn } from '../rewriting.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  const plpgsql = (name: string, body: string, parameters = '') =>
    `CREATE FUNCTION ${name}(${parameters}) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN ${body}; END $$`
  await owner.query(`
    CREATE SCHEMA auth;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT current_setting('request.sub', true)::uuid $$;
    CREATE TABLE members (user_id uuid, role text, place int);
    CREATE TABLE docs (id int, role text, secret boolean);
    ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
    ${plpgsql('my_role', '(SELECT m.role FROM public.members m WHERE m.user_id = auth.uid())')};
    ${plpgsql('role_of', '(SELECT m.role FROM public.members m WHERE m.user_id = who)', 'who uuid')};
    ${plpgsql('first_role', '(SELECT m.role FROM public.members m WHERE m.user_id = auth.uid() ORDER BY m.place OFFSET 0)')};
    ${plpgsql('upper_role', '(SELECT upper(m.role) FROM public.members m WHERE m.user_id = auth.uid())')};
    ${plpgsql('role_by_number', '(SELECT m.role FROM public.members m WHERE 100 / m.place = 1)')};
    CREATE FUNCTION known_role() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS
      $$ SELECT m.role FROM members m WHERE m.user_id = auth.uid() $$`)
})
afterAll(() => database.drop())

async function rewrite(predicate: string) {
  await owner.query('DROP POLICY IF EXISTS p0 ON docs')
  await createPolicies(owner, 'docs', [predicate])
  const found = (await rewritesIn(owner)).get('p0')
  return { using: found?.after.using, changes: found?.changes ?? [], helpers: found?.helpers ?? [] }
}

test('a role that may be several is looked up once, and is NULL then', async () => {
  const { using, changes, helpers } = await rewrite('my_role() = role')
  expect(using).toMatch(/private\.my_role_value\(\)/)
  expect(using).not.toMatch(/[( ]my_role\(\)/)
  expect(changes.map(({ rule }) => rule)).toEqual(['policy_function_initplan'])
  expect(changes[0]?.notes?.at(-1)).toBe(
    'where public.my_role() ends with an error today, since it finds several rows, nothing passes without one',
  )
  expect(helpers[0]?.body).toMatch(/count\(\*\) = 1/)
})

test.each([
  ['the caller as its argument', 'role_of(auth.uid()) = role'],
  ['a list of constants', `my_role() IN ('owner', 'admin')`],
  ['an arm of OR', 'my_role() = role OR secret'],
])('with %s', async (_, predicate) => {
  expect((await rewrite(predicate)).using).toMatch(/private\.\w+_value/)
})

test.each([
  ['under NOT', 'NOT (my_role() = role)'],
  ['where NULL would pass', 'my_role() IS DISTINCT FROM role OR my_role() IS NULL'],
  ['where the function chooses a row', 'first_role() = role'],
  ['where it computes of what it finds', 'upper_role() = role'],
  ['where something else may fail', 'role_by_number() = role'],
])('left as it is %s', async (_, predicate) => {
  expect((await rewrite(predicate)).using ?? '').not.toMatch(/_value\(/)
})

test('a function that is declared STABLE is wrapped itself', async () => {
  expect((await rewrite('known_role() = role')).using).toMatch(/SELECT (public\.)?known_role\(\)/)
})
