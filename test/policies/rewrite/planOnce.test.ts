import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Client } from 'pg'
import { canonical, parseExpression } from '../../../src/syntax/expression.ts'
import { withPlanning } from '../../../src/policies/rewrite/policyRewrites.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { createPolicies, rewritesIn } from '../rewriting.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  const setting = (name: string): string => `nullif(current_setting('${name}', true), '')`
  await owner.query(
    `
    CREATE SCHEMA auth;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT ${setting('request.sub')}::uuid $$;
    CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS
      $$ SELECT coalesce(${setting('request.jwt')}, '{}')::jsonb $$;
    CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE RETURN ${setting('request.role')}::text;
    REVOKE ALL ON FUNCTION auth.role() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION auth.role() TO authenticated;
    CREATE FUNCTION with_path() RETURNS uuid LANGUAGE sql STABLE SET search_path = '' AS
      $$ SELECT ${setting('request.sub')}::uuid $$;
    CREATE FUNCTION definer() RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER AS
      $$ SELECT ${setting('request.sub')}::uuid $$;
    CREATE FUNCTION planned() RETURNS uuid LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN auth.uid(); END $$;
    CREATE FUNCTION undeclared() RETURNS uuid LANGUAGE sql AS $$ SELECT ${setting('request.sub')}::uuid $$;
    CREATE FUNCTION cached() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ${setting('request.sub')}::uuid $$;
    CREATE FUNCTION by_role() RETURNS text LANGUAGE sql STABLE AS
      $$ SELECT current_user || current_setting('request.sub', true) $$;
    CREATE FUNCTION server_setting() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('role') $$;
    CREATE FUNCTION of_table() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT id FROM people LIMIT 1 $$;
    CREATE FUNCTION own_id() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT auth.uid() $$;
    CREATE FUNCTION is_staff(who uuid) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT who IS NOT NULL';
    CREATE TABLE people (id uuid, owner uuid);
    CREATE TABLE t (id uuid, owner uuid, team text, note text);
    ALTER TABLE t ENABLE ROW LEVEL SECURITY;
  `.replace('CREATE FUNCTION of_table', 'SET check_function_bodies = off; CREATE FUNCTION of_table'),
  )
})
beforeEach(() => owner.query('DROP SCHEMA IF EXISTS private CASCADE'))
afterAll(() => database.drop())

async function rewrite(predicate: string) {
  await createPolicies(owner, 't', [predicate])
  try {
    const found = (await rewritesIn(owner)).get('p0')
    const planned = found && withPlanning(found)
    return {
      found,
      using: planned?.after.using ?? null,
      changes: planned?.changes.filter(({ rule }) => rule === 'auth_function_planning') ?? [],
      helpers: planned?.helpers ?? [],
    }
  } finally {
    await owner.query('DROP POLICY p0 ON t')
  }
}

async function meaning(predicate: string | null): Promise<string> {
  return canonical(await parseExpression(predicate ?? 'NULL'))
}

describe('planOnce calls a function that is planned once per session', () => {
  it.each([
    [
      'in place of a wrapped call',
      'owner = (SELECT auth.uid())',
      'owner = (SELECT private.current_user_id())',
    ],
    ['where the call is wrapped too', 'owner = auth.uid()', 'owner = (SELECT private.current_user_id())'],
    [
      'in a larger expression',
      `team = (SELECT auth.jwt() ->> 'team')`,
      `team = (SELECT private.auth_jwt() ->> 'team'::text)`,
    ],
    [
      'in an argument',
      '(SELECT is_staff((SELECT auth.uid())))',
      '(SELECT public.is_staff((SELECT private.current_user_id())) AS is_staff)',
    ],
    [
      'in a sub-select for each row',
      'EXISTS (SELECT FROM people p WHERE p.id = t.id AND p.owner = (SELECT auth.uid()))',
      'EXISTS (SELECT FROM public.people p WHERE p.id = t.id AND p.owner = (SELECT private.current_user_id()))',
    ],
    [
      'with a body in the style of the standard',
      `(SELECT auth.role()) = 'x'`,
      `(SELECT private.auth_role()) = 'x'::text`,
    ],
  ])('%s', async (_, policy, expected) => {
    expect(await meaning((await rewrite(policy)).using)).toBe(await meaning(expected))
  })

  it('only in addition to the other rewrites', async () => {
    const { found } = await rewrite('owner = auth.uid()')
    expect(await meaning(found?.after.using ?? null)).toBe(await meaning('owner = (SELECT auth.uid())'))
    expect(found?.helpers).toEqual([])
  })

  it('for the same callers, and PARALLEL SAFE if the function is', async () => {
    const { helpers } = await rewrite(`(SELECT auth.role()) = 'x' AND (SELECT auth.jwt()) IS NOT NULL`)
    expect(helpers.map(({ name, callers, isParallelSafe }) => [name, callers, isParallelSafe])).toEqual([
      ['auth_role', expect.arrayContaining(['authenticated']), false],
      ['auth_jwt', [''], true],
    ])
  })

  it.each([
    ['of the row', 'is_staff(owner)'],
    ['that PostgreSQL does not inline, since it sets a path', 'owner = (SELECT with_path())'],
    ['that PostgreSQL does not inline, since it has rights of its own', 'owner = (SELECT definer())'],
    ['in PL/pgSQL', 'owner = (SELECT planned())'],
    ['that is VOLATILE', 'owner = (SELECT undeclared())'],
    ['that is declared IMMUTABLE', 'owner = (SELECT cached())'],
    ['that asks for the role', `team = (SELECT by_role())`],
    ['that reads a setting of the server', `team = (SELECT server_setting())`],
    ['that reads a table', 'owner = (SELECT of_table())'],
    ['that calls another one, whose callers may differ', 'owner = (SELECT own_id())'],
  ])('but not for one %s', async (_, policy) => {
    expect((await rewrite(policy)).changes).toEqual([])
  })
})

describe('the helper', () => {
  const create = (body: string, properties = `SECURITY DEFINER SET search_path = ''`) =>
    owner.query(`CREATE SCHEMA private;
      CREATE FUNCTION private.current_user_id() RETURNS uuid LANGUAGE plpgsql STABLE ${properties} AS $$ ${body} $$`)
  const helper = async () => {
    const [first] = (await rewrite('owner = (SELECT auth.uid())')).helpers
    return first && { name: first.name, exists: first.exists }
  }

  it('that exists is used', async () => {
    await create('BEGIN RETURN auth.uid(); END')
    expect(await helper()).toEqual({ name: 'current_user_id', exists: true })
  })

  it.each([
    ['returns something else', 'BEGIN RETURN NULL; END', undefined],
    ['has the rights of its caller', 'BEGIN RETURN auth.uid(); END', `SET search_path = ''`],
    ['leaves the path to its caller', 'BEGIN RETURN auth.uid(); END', 'SECURITY DEFINER'],
  ])('gets another name where the function of its name %s', async (_, body, properties) => {
    await create(body, properties)
    expect(await helper()).toEqual({ name: 'current_user_id_2', exists: false })
  })

  it('is not the one that fewer roles may call', async () => {
    await create('BEGIN RETURN auth.uid(); END')
    await owner.query('REVOKE ALL ON FUNCTION private.current_user_id() FROM PUBLIC')
    expect(await helper()).toEqual({ name: 'current_user_id_2', exists: false })
  })
})
