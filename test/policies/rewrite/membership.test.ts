import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from 'pg'
import { canonical, parseExpression } from '../../../src/syntax/expression.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { createPolicies, rewritesIn } from '../rewriting.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  const definer = `LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public`
  await owner.query(`
    CREATE SCHEMA auth;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT current_setting('request.sub', true)::uuid $$;
    CREATE TABLE members (org_id uuid, user_id uuid, role text, note text);
    CREATE TABLE orgs (id uuid, is_open boolean);
    CREATE TABLE docs (id uuid, org_id uuid, other_id uuid, name text, secret boolean);
    CREATE INDEX docs_org_id_idx ON docs (org_id);
    ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
    CREATE FUNCTION is_member(org uuid) RETURNS boolean ${definer} AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org AND m.user_id = auth.uid()) $$;
    CREATE FUNCTION is_member_numbered(uuid) RETURNS boolean ${definer} AS
      $$ SELECT EXISTS (SELECT 1 FROM members WHERE user_id = auth.uid() AND $1 = org_id LIMIT 1) $$;
    CREATE FUNCTION is_member_plpgsql(org uuid) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS
      $$ BEGIN RETURN EXISTS (SELECT 1 FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid()); END $$;
    CREATE FUNCTION is_member_in(org uuid) RETURNS boolean ${definer} AS
      $$ SELECT org IN (SELECT m.org_id FROM members m WHERE m.user_id = auth.uid()) $$;
    CREATE FUNCTION has_role(org uuid, wanted text) RETURNS boolean ${definer} AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org AND m.user_id = auth.uid() AND m.role = wanted) $$;
    CREATE FUNCTION has_role_or_owns(org uuid, wanted text DEFAULT 'owner') RETURNS boolean ${definer} AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org AND m.user_id = auth.uid() AND m.role = wanted) $$;
    CREATE FUNCTION has_role_now(org uuid, wanted text DEFAULT current_user) RETURNS boolean ${definer} AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org AND m.user_id = auth.uid() AND m.role = wanted) $$;
    CREATE FUNCTION is_one_of(VARIADIC orgs uuid[]) RETURNS boolean ${definer} AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = ANY (orgs) AND m.user_id = auth.uid()) $$;
    CREATE FUNCTION member_is(person uuid, org uuid) RETURNS boolean ${definer} AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org AND m.user_id = person) $$;
    CREATE FUNCTION is_open_member(org uuid) RETURNS boolean LANGUAGE sql STABLE AS
      $$ SELECT EXISTS (SELECT 1 FROM members m JOIN orgs o ON o.id = m.org_id
         WHERE m.org_id = org AND m.user_id = auth.uid() AND o.is_open) $$;
    CREATE FUNCTION is_member_undeclared(org uuid) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org AND m.user_id = auth.uid()) $$;
    CREATE FUNCTION has_docs(org uuid) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS
      $$ SELECT EXISTS (SELECT 1 FROM docs d WHERE d.org_id = org AND d.id = auth.uid()) $$;
    CREATE FUNCTION is_member_cached(org uuid) RETURNS boolean LANGUAGE sql IMMUTABLE AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org AND m.user_id = auth.uid()) $$;
    CREATE FUNCTION is_member_or_open(org uuid) RETURNS boolean LANGUAGE sql STABLE AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org) OR true $$;
    CREATE FUNCTION is_known(org uuid) RETURNS boolean ${definer} AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org) $$;
    CREATE FUNCTION is_many(org uuid) RETURNS boolean LANGUAGE sql STABLE AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org GROUP BY m.org_id HAVING count(*) > 1) $$;
    CREATE FUNCTION is_first(org uuid) RETURNS boolean ${definer} AS
      $$ SELECT org IN (SELECT m.org_id FROM members m WHERE m.user_id = auth.uid() ORDER BY m.role LIMIT 1) $$;
    CREATE FUNCTION is_near(org uuid) RETURNS boolean LANGUAGE sql STABLE AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org AND m.note = org::text) $$;
    CREATE FUNCTION is_before(org uuid) RETURNS boolean LANGUAGE sql STABLE AS
      $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id < org) $$;
    CREATE FUNCTION starts_with(t text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT t LIKE 'a%' $$;
  `)
})
afterAll(() => database.drop())

async function rewrite(predicate: string) {
  await createPolicies(owner, 'docs', [predicate])
  try {
    const found = (await rewritesIn(owner, ['policy_membership_function'])).get('p0')
    return {
      using: found && found.changes.length > 0 ? found.after.using : null,
      helpers: found?.helpers.map(({ name, returns }) => [name, returns.replace('[]', '')]) ?? [],
      refusals: found?.refusals.map(({ reason }) => reason) ?? [],
    }
  } finally {
    await owner.query('DROP POLICY p0 ON docs')
  }
}

async function meaning(predicate: string | null): Promise<string> {
  return canonical(await parseExpression(predicate ?? 'NULL'))
}

describe('turnMembership rewrites', () => {
  test.each([
    [
      'where an index leads on the column into = ANY',
      'is_member(org_id)',
      'org_id = ANY ((SELECT private.is_member_org_ids())::uuid[])',
    ],
    [
      'elsewhere into IN',
      'is_member(other_id)',
      'other_id IN (SELECT pg_catalog.unnest((SELECT private.is_member_org_ids())))',
    ],
    [
      'below AND and OR',
      'NOT secret OR (is_member(org_id) AND name IS NOT NULL)',
      'NOT secret OR (org_id = ANY ((SELECT private.is_member_org_ids())::uuid[]) AND name IS NOT NULL)',
    ],
    [
      'where it is compared with true',
      'is_member(org_id) = true OR (is_member(other_id) IS TRUE AND secret = true)',
      `org_id = ANY ((SELECT private.is_member_org_ids())::uuid[]) OR
         (other_id IN (SELECT pg_catalog.unnest((SELECT private.is_member_org_ids()))) AND secret = true)`,
    ],
    [
      'a numbered argument',
      'is_member_numbered(org_id)',
      'org_id = ANY ((SELECT private.is_member_numbered_org_ids())::uuid[])',
    ],
    [
      'a function that is VOLATILE by omission',
      'is_member_undeclared(org_id)',
      'org_id = ANY ((SELECT private.is_member_undeclared_org_ids())::uuid[])',
    ],
    [
      'PL/pgSQL that only returns',
      'is_member_plpgsql(org_id)',
      'org_id = ANY ((SELECT private.is_member_plpgsql_org_ids())::uuid[])',
    ],
    [
      'IN within the body',
      'is_member_in(org_id)',
      'org_id = ANY ((SELECT private.is_member_in_org_ids())::uuid[])',
    ],
    [
      'beside constants',
      `has_role(org_id, 'admin')`,
      'org_id = ANY ((SELECT private.has_role_org_ids())::uuid[])',
    ],
    [
      'beside who is calling',
      'member_is(auth.uid(), org_id)',
      'org_id = ANY ((SELECT private.member_is_org_ids())::uuid[])',
    ],
    [
      'beside who is calling, wrapped',
      'member_is((SELECT auth.uid()), org_id)',
      'org_id = ANY ((SELECT private.member_is_org_ids())::uuid[])',
    ],
    [
      'with the default of an argument that is left out',
      'has_role_or_owns(org_id)',
      'org_id = ANY ((SELECT private.has_role_or_owns_org_ids())::uuid[])',
    ],
    [
      'with named arguments in any order',
      `has_role(wanted => 'admin', org => org_id)`,
      'org_id = ANY ((SELECT private.has_role_org_ids())::uuid[])',
    ],
    [
      'joins in the body',
      'is_open_member(org_id)',
      'org_id = ANY ((SELECT private.is_open_member_org_ids())::uuid[])',
    ],
    [
      'the fake wrap',
      '(SELECT is_member(docs.org_id))',
      'docs.org_id = ANY ((SELECT private.is_member_org_ids())::uuid[])',
    ],
    [
      'within a sub-select’s WHERE, under whatever it stands',
      'NOT EXISTS (SELECT 1 FROM orgs o WHERE o.id = docs.other_id AND is_member(o.id))',
      'NOT EXISTS (SELECT 1 FROM public.orgs o WHERE o.id = docs.other_id AND o.id IN (SELECT pg_catalog.unnest((SELECT private.is_member_org_ids()))))',
    ],
  ])('%s', async (_, predicate, expected) => {
    const { using, refusals } = await rewrite(predicate)
    expect(refusals).toEqual([])
    expect(await meaning(using)).toBe(await meaning(expected))
  })

  test('a default and the same constant into one helper', async () => {
    const { helpers } = await rewrite(`has_role_or_owns(org_id) OR has_role_or_owns(org_id, 'owner')`)
    expect(helpers).toEqual([['has_role_or_owns_org_ids', 'uuid']])
  })

  test('calls of one function with different constants into separate helpers', async () => {
    const { helpers } = await rewrite(`has_role(org_id, 'admin') OR has_role(org_id, 'editor')`)
    expect(helpers).toEqual([
      ['has_role_org_ids', 'uuid'],
      ['has_role_org_ids_2', 'uuid'],
    ])
  })
})

describe('turnMembership refuses', () => {
  test.each([
    ['NOT', 'NOT is_member(org_id)', 'under NOT'],
    ['IS TRUE and the like', 'is_member(org_id) IS NOT TRUE', 'where NULL and false differ'],
    ['a comparison with false', 'is_member(org_id) = false', 'where NULL and false differ'],
    ['what is compared with true under NOT', 'NOT (is_member(org_id) = true)', 'under NOT'],
    [
      'a function that compares with an array',
      'is_one_of(org_id)',
      'no condition of the form key = argument',
    ],
    [
      'a default that asks for the role',
      'has_role_now(org_id)',
      "is neither a constant nor the caller's identity",
    ],
    [
      'a VOLATILE function that reads the table',
      'has_docs(org_id)',
      'is VOLATILE, and it reads public.docs, which a command on public.docs may change',
    ],
    [
      'an IMMUTABLE one that reads a table',
      'is_member_cached(org_id)',
      'declared IMMUTABLE, yet reads the table members',
    ],
    ['a body that is more than one EXISTS', 'is_member_or_open(org_id)', 'not one EXISTS'],
    [
      'a list that would reveal more than the function',
      'is_known(org_id)',
      'does not depend on who is calling',
    ],
    ['grouping', 'is_many(org_id)', 'more than FROM and WHERE'],
    ['IN with a LIMIT', 'is_first(org_id)', 'which decides what is IN it'],
    ['an argument that is used twice', 'is_near(org_id)', 'outside of the condition key = argument'],
    ['another comparison', 'is_before(org_id)', 'no condition of the form key = argument'],
    ['a body without a query', 'starts_with(name)', 'not one EXISTS'],
    ['two columns of the row', 'member_is(other_id, org_id)', 'more than one of its arguments'],
    [
      'an argument that is neither constant nor caller',
      'has_role(org_id, CURRENT_USER::text)',
      'neither a constant',
    ],
  ])('%s, and names the precondition', async (_, predicate, reason) => {
    const { using, refusals } = await rewrite(predicate)
    expect(using).toBeNull()
    expect(refusals).toEqual([expect.stringContaining(reason)])
  })
})
