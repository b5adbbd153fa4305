import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from 'pg'
import { canonical, parseExpression } from '../../../src/syntax/expression.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { rewritesIn } from '../rewriting.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE SCHEMA auth;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT current_setting('request.sub', true)::uuid $$;
    CREATE TABLE members (org_id uuid, user_id uuid);
    CREATE TABLE orgs (id uuid, is_open boolean);
    CREATE TABLE docs (id uuid, org_id uuid, owner_id uuid, is_public boolean, level text);
    CREATE INDEX ON docs (org_id);
    ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
    CREATE FUNCTION is_admin() RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true';
    CREATE FUNCTION is_member(org uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
      $$ SELECT EXISTS (SELECT 1 FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid()) $$;
    CREATE FUNCTION is_open(org uuid) RETURNS boolean LANGUAGE sql STABLE SET search_path = '' AS
      $$ SELECT EXISTS (SELECT 1 FROM public.orgs o WHERE o.id = org AND o.is_open) $$;
  `)
})
afterAll(() => database.drop())

const set = '(org_id = ANY ((SELECT private.is_member_org_ids())::uuid[]))'
const open = '(org_id = ANY ((SELECT private.is_open_ids())::uuid[]))'
const own = '(owner_id = (SELECT auth.uid()))'

async function rewrite(command: string, clause: string) {
  await owner.query(`CREATE POLICY p ON docs FOR ${command} ${clause}`)
  try {
    return (await rewritesIn(owner)).get('p')?.after ?? { using: null, check: null }
  } finally {
    await owner.query('DROP POLICY p ON docs')
  }
}

async function meaning(predicate: string | null): Promise<string> {
  return canonical(await parseExpression(predicate ?? 'NULL'))
}

describe('a set of keys comes after what needs none', () => {
  it.each([
    ['a comparison with the caller', 'is_member(org_id) OR owner_id = auth.uid()', `${own} OR ${set}`],
    ['a column', 'is_member(org_id) OR is_public', `is_public OR ${set}`],
    [
      'below AND',
      'level IS NULL AND (is_member(org_id) OR owner_id = auth.uid())',
      `level IS NULL AND (${own} OR ${set})`,
    ],
    [
      'several arms, in their order',
      'is_public OR is_member(org_id) OR owner_id = auth.uid() OR level IS NULL',
      `is_public OR ${own} OR level IS NULL OR ${set}`,
    ],
  ])('%s', async (_, policy, expected) => {
    expect(await meaning((await rewrite('SELECT', `USING (${policy})`)).using)).toBe(await meaning(expected))
  })

  it.each([
    [
      'where the other arm may raise an error',
      'is_member(org_id) OR level::int > 3',
      `${set} OR (level)::integer > 3`,
    ],
    [
      'where nothing says that the other arm is asked today',
      'is_member(org_id) OR owner_id = (SELECT auth.uid())',
      `${set} OR (owner_id = (SELECT auth.uid() AS uid))`,
    ],
    [
      'where the other arm calls a function',
      'is_member(org_id) OR is_admin()',
      `${set} OR (SELECT public.is_admin())`,
    ],
    [
      'where the set does not ask who is calling, and the other arm does',
      'is_open(org_id) OR owner_id = auth.uid()',
      `${open} OR ${own}`,
    ],
  ])('but not %s', async (_, policy, expected) => {
    expect(await meaning((await rewrite('SELECT', `USING (${policy})`)).using)).toBe(await meaning(expected))
  })

  it('but not in a condition on new rows', async () => {
    const policy = '(is_member(org_id) OR owner_id = auth.uid())'
    const { using, check } = await rewrite('UPDATE', `USING ${policy} WITH CHECK ${policy}`)
    expect(await meaning(using)).toBe(await meaning(`${own} OR ${set}`))
    expect(await meaning(check)).toBe(await meaning(`${set} OR ${own}`))
    const all = await rewrite('ALL', `USING ${policy}`)
    expect(await meaning(all.using)).toBe(await meaning(`${set} OR ${own}`))
  })
})
