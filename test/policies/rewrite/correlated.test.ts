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
  await owner.query(`
    CREATE SCHEMA auth;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT current_setting('request.sub', true)::uuid $$;
    CREATE TABLE members (org_id int, user_id uuid, role text, PRIMARY KEY (user_id, org_id));
    INSERT INTO members SELECT u % 300, md5(u::text)::uuid, 'x' FROM generate_series(1, 3000) u;
    CREATE INDEX ON members (org_id);
    CREATE TABLE heirs (org_id int PRIMARY KEY, role text);
    CREATE TABLE heir (PRIMARY KEY (org_id)) INHERITS (heirs);
    CREATE TABLE parents (id int PRIMARY KEY, owner uuid);
    INSERT INTO parents SELECT n, md5('one')::uuid FROM generate_series(1, 5000) n;
    CREATE TABLE followers (org_id int, user_id uuid, PRIMARY KEY (org_id, user_id));
    INSERT INTO followers SELECT n, md5('one')::uuid FROM generate_series(1, 3000) n;
    INSERT INTO followers SELECT n % 300, md5(n::text)::uuid FROM generate_series(1, 27000) n;
    CREATE INDEX ON followers (user_id);
    CREATE TABLE docs (id int PRIMARY KEY, org_id int, parent_id int, title text);
    INSERT INTO docs SELECT n, n % 300, n % 5000, 't' FROM generate_series(1, 20000) n;
    CREATE INDEX ON docs (org_id);
    ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
    CREATE TABLE small (id int, org_id int);
    ANALYZE members, followers, parents, docs;
  `)
})
afterAll(() => database.drop())

async function rewrite(predicate: string, table = 'docs') {
  await createPolicies(owner, table, [predicate])
  try {
    const found = (await rewritesIn(owner, ['policy_correlated_subquery'])).get('p0')
    return {
      using: found && found.changes.length > 0 ? found.after.using : null,
      refusals: found?.refusals.map(({ reason }) => reason) ?? [],
    }
  } finally {
    await owner.query(`DROP POLICY p0 ON ${table}`)
  }
}

async function meaning(predicate: string | null): Promise<string> {
  return canonical(await parseExpression(predicate ?? 'NULL'))
}

const own = 'SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid()'

describe('turnCorrelated decorrelates', () => {
  test.each([
    [
      'EXISTS on one column',
      'EXISTS (SELECT 1 FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid())',
      `docs.org_id = ANY (ARRAY(${own}))`,
    ],
    [
      'who is calling IN a query of the row',
      'auth.uid() IN (SELECT m.user_id FROM members m WHERE m.org_id = docs.org_id)',
      `docs.org_id = ANY (ARRAY(${own}))`,
    ],
    [
      'a comparison with the one value of a unique key',
      `(SELECT m.role FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid()) IN ('x', 'y')`,
      `docs.org_id = ANY (ARRAY(${own} AND m.role = ANY (ARRAY['x'::text, 'y'::text])))`,
    ],
    [
      'the same with a cast, from the other side, with a LIMIT of 1',
      `'x' = (SELECT m.role FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid() LIMIT 1)::text`,
      `docs.org_id = ANY (ARRAY(${own} AND 'x'::text = m.role))`,
    ],
    [
      'a count of rows that is above 0',
      '(SELECT count(*) FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid()) > 0',
      `docs.org_id = ANY (ARRAY(${own}))`,
    ],
    [
      'SELECT true of a unique key',
      '(SELECT true FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid())',
      `docs.org_id = ANY (ARRAY(${own}))`,
    ],
    [
      'EXISTS on the text of a key, as the policies of stored files compare it',
      `EXISTS (SELECT 1 FROM members m WHERE m.org_id::text = split_part(docs.title, '/', 1) AND m.user_id = auth.uid())`,
      `split_part(docs.title, '/'::text, 1) IN (${own.replace('m.org_id', 'm.org_id::text')})`,
    ],
  ])('%s', async (_, predicate, expected) => {
    const { using, refusals } = await rewrite(predicate)
    expect(refusals).toEqual([])
    expect(await meaning(using)).toBe(await meaning(expected))
  })
})

describe('turnCorrelated refuses', () => {
  test.each([
    [
      'IN with a LIMIT',
      'id IN (SELECT m.org_id FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid() LIMIT 1)',
      'which decides what is IN it',
    ],
    [
      'NOT',
      'NOT EXISTS (SELECT 1 FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid())',
      'under NOT',
    ],
    [
      'what makes a look-up slower',
      'EXISTS (SELECT 1 FROM parents p WHERE p.id = docs.parent_id AND p.owner = auth.uid())',
      'would become slower',
    ],
    [
      'what makes a look-up slower for the one with the longest list',
      'EXISTS (SELECT 1 FROM followers f WHERE f.org_id = docs.org_id AND f.user_id = auth.uid())',
      'slower for the caller with the longest list',
    ],
    [
      'a look-up of one value that would become slower',
      '(SELECT p.owner FROM parents p WHERE p.id = docs.parent_id) = auth.uid()',
      'would become slower',
    ],
    [
      'one value without a unique key',
      `(SELECT m.role FROM members m WHERE m.org_id = docs.org_id AND m.role = 'x') = 'x'`,
      'neither EXISTS nor IN',
    ],
    [
      'one value of a table from which others inherit',
      `(SELECT h.role FROM heirs h WHERE h.org_id = docs.org_id) = 'x'`,
      'neither EXISTS nor IN',
    ],
    [
      'one value that is compared with the row too',
      '(SELECT m.role FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid()) = title',
      'neither EXISTS nor IN',
    ],
    [
      'one value under NOT',
      `NOT (SELECT m.role FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid()) = 'x'`,
      'neither EXISTS nor IN',
    ],
    [
      'a count of another number',
      '(SELECT count(*) FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid()) > 1',
      'neither EXISTS nor IN',
    ],
    [
      'an aggregate',
      `(SELECT max(m.role) FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid()) = 'x'`,
      'neither EXISTS nor IN',
    ],
    [
      'every value of a list',
      `(SELECT m.role FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid()) <> ALL (ARRAY['x'])`,
      'neither EXISTS nor IN',
    ],
    [
      'two conditions on the row',
      'EXISTS (SELECT 1 FROM members m WHERE m.org_id = docs.org_id AND m.role = docs.title AND m.user_id = auth.uid())',
      'more than one condition',
    ],
    [
      'another operator',
      'EXISTS (SELECT 1 FROM members m WHERE m.org_id < docs.org_id)',
      'not of the form key = column',
    ],
    [
      'what is computed from a key',
      'EXISTS (SELECT 1 FROM members m WHERE m.org_id + 1 = docs.org_id AND m.user_id = auth.uid())',
      'not of the form key = column',
    ],
    [
      'VOLATILE conditions',
      'EXISTS (SELECT 1 FROM members m WHERE m.org_id = docs.org_id AND random() < 0.5)',
      'is VOLATILE',
    ],
  ])('%s, and names the precondition', async (_, predicate, reason) => {
    const { using, refusals } = await rewrite(predicate)
    expect(using).toBeNull()
    expect(refusals).toEqual([expect.stringContaining(reason)])
  })

  test('a table without statistics', async () => {
    const { refusals } = await rewrite(
      'EXISTS (SELECT 1 FROM members m WHERE m.org_id = small.org_id)',
      'small',
    )
    expect(refusals).toEqual([expect.stringContaining('never analysed')])
  })
})

test('policies of a table that fails already are left, and the refusal names the failure', async () => {
  await owner.query(`
    CREATE TABLE looped (id int, owner uuid);
    ALTER TABLE looped ENABLE ROW LEVEL SECURITY;
    GRANT SELECT ON looped TO authenticated;
    CREATE POLICY loop ON looped TO authenticated
      USING (owner = auth.uid() OR id IN (SELECT l.id FROM looped l WHERE l.owner = auth.uid()))`)
  const found = (await rewritesIn(owner, ['auth_rls_initplan'])).get('loop')
  expect(found?.changes).toEqual([])
  expect(found?.refusals.map(({ reason }) => reason)).toEqual([
    expect.stringContaining('infinite recursion detected in policy'),
  ])
})
