import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { proveEquivalence } from '../../../src/policies/proof/prove.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { clearPolicies, makeWorkspace, policyName, setPolicy } from '../workspace.ts'

const documents = { schema: 'public', name: 'documents' }

/** Nothing can be tried where no table has a row: only what the trees and bodies say can tell. */
describe('a PL/pgSQL function in place of auth.uid(), without a row in any table', () => {
  let database: TestDatabase
  let owner: Client
  beforeAll(async () => {
    database = await createDatabase()
    await makeWorkspace(await database.connect(), { rows: false })
    owner = await database.connect(database.ownerUrl)
    const twin = (name: string, body: string, properties = `SECURITY DEFINER SET search_path = ''`): string =>
      `CREATE FUNCTION ${name}() RETURNS uuid LANGUAGE plpgsql STABLE ${properties} AS $$ ${body} $$;`
    const returns = 'BEGIN RETURN auth.uid(); END'
    await owner.query(`
      SET search_path = public;
      CREATE SCHEMA claims;
      GRANT USAGE ON SCHEMA claims TO PUBLIC;
      CREATE FUNCTION claims.by_role() RETURNS uuid LANGUAGE sql STABLE AS
        $$ SELECT nullif(current_setting('app.of_' || current_user, true), '')::uuid $$;
      CREATE FUNCTION claims.other() RETURNS uuid LANGUAGE sql STABLE AS
        $$ SELECT nullif(current_setting('request.other', true), '')::uuid $$;
      CREATE FUNCTION claims.named_role() RETURNS uuid LANGUAGE sql STABLE AS
        $$ SELECT CASE WHEN pg_has_role('anon', 'USAGE') THEN current_setting('app.a', true)::uuid END $$;
      CREATE FUNCTION claims.of_today() RETURNS uuid LANGUAGE sql STABLE AS
        $$ SELECT CASE WHEN '2026-01-01' < 'now'::timestamptz THEN current_setting('app.a', true)::uuid END $$;
      CREATE FUNCTION own_id() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT NULL::uuid';
      CREATE FUNCTION claims.in_path() RETURNS uuid LANGUAGE sql STABLE AS
        $$ SELECT coalesce(own_id(), current_setting('app.a', true)::uuid) $$;
      CREATE FUNCTION as_text() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS
        $$ ${returns} $$;
      CREATE FUNCTION for_some() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS
        $$ ${returns} $$;
      REVOKE ALL ON FUNCTION for_some() FROM PUBLIC;
      GRANT EXECUTE ON FUNCTION for_some() TO authenticated, service_role;
      ${twin('me', returns)}
      ${twin('me_wrapped', 'BEGIN RETURN (SELECT auth.uid()); END')}
      ${twin('me_without_path', returns, 'SECURITY DEFINER')}
      ${twin('me_as_caller', returns, `SET search_path = ''`)}
      ${twin('me_with_setting', returns, `SECURITY DEFINER SET search_path = '' SET DateStyle = 'ISO'`)}
      ${twin('me_or_other', 'BEGIN RETURN coalesce(auth.uid(), claims.other()); END')}
      ${twin('me_caught', `BEGIN RETURN auth.uid(); EXCEPTION WHEN others THEN RETURN NULL; END`)}
      ${twin('me_twice', 'BEGIN IF random() > 1 THEN RETURN NULL; END IF; RETURN auth.uid(); END')}
      ${twin('other', 'BEGIN RETURN claims.other(); END')}
      ${twin('by_role', 'BEGIN RETURN claims.by_role(); END')}
      ${twin('named_role', 'BEGIN RETURN claims.named_role(); END')}
      ${twin('in_path', 'BEGIN RETURN claims.in_path(); END')}
      ${twin('of_today', 'BEGIN RETURN claims.of_today(); END')}
      CREATE FUNCTION me_volatile() RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
        $$ ${returns} $$;`)
  })
  beforeEach(() => clearPolicies(owner))
  afterAll(() => database.drop())

  const prove = async (policy: string, using: string) => {
    await setPolicy(owner, { policy: `FOR SELECT TO authenticated USING (${policy})` })
    const rewrites = [{ policy: policyName, using, check: null }]
    return readOnly(owner, () => proveEquivalence(borrow(owner), documents, rewrites))
  }

  it.each([
    ['owner_id = auth.uid()', '(owner_id = ( SELECT public.me() AS me))'],
    ['owner_id = (SELECT auth.uid())', '(owner_id = ( SELECT public.me() AS me))'],
    ['owner_id = (SELECT auth.uid())', '(owner_id = ( SELECT public.me_wrapped() AS me_wrapped))'],
    ['owner_id = (SELECT auth.uid())', '(owner_id = ( SELECT public.me_without_path() AS me_without_path))'],
    ['owner_id = (SELECT me())', '(owner_id = ( SELECT auth.uid() AS uid))'],
    ['owner_id = claims.other()', '(owner_id = ( SELECT public.other() AS other))'],
    [
      'is_member(team_id) OR owner_id = auth.uid()',
      '((team_id IN ( SELECT public.team_ids() AS team_ids)) OR (owner_id = ( SELECT public.me() AS me)))',
    ],
    [
      'EXISTS (SELECT FROM team_members m WHERE m.team_id = documents.team_id AND m.user_id = auth.uid())',
      '(EXISTS ( SELECT FROM public.team_members m WHERE ((m.team_id = documents.team_id) AND (m.user_id = ( SELECT public.me() AS me)))))',
    ],
  ])('is proven by structure: %s', async (policy, using) => {
    expect(await prove(policy, using)).toMatchObject({ outcome: 'equivalent', byStructure: true })
  })

  it.each([
    ['another claim', 'owner_id = auth.uid()', 'other'],
    ["the caller's rights, with which a name may not be found", 'owner_id = auth.uid()', 'me_as_caller'],
    ['a setting of its own', 'owner_id = auth.uid()', 'me_with_setting'],
    ['a body that adds something', 'owner_id = auth.uid()', 'me_or_other'],
    ['a body that catches errors', 'owner_id = auth.uid()', 'me_caught'],
    ['a body of several statements', 'owner_id = auth.uid()', 'me_twice'],
    ['a VOLATILE function', 'owner_id = auth.uid()', 'me_volatile'],
    ['fewer callers', 'owner_id = auth.uid()', 'for_some'],
    ['another type', 'owner_id::text = auth.uid()::text', 'as_text'],
    ['a function that asks for the role', 'owner_id = claims.by_role()', 'by_role'],
    ["a function that asks for the role's rights", 'owner_id = claims.named_role()', 'named_role'],
    ['a name that search_path resolves', 'owner_id = claims.in_path()', 'in_path'],
    ['a constant that is read when it is planned', 'owner_id = claims.of_today()', 'of_today'],
  ])('is not proven by structure with %s', async (_, policy, twin) => {
    const [column = ''] = policy.split(' = ')
    const compared = column.includes('::text') ? '(owner_id)::text' : column
    const report = await prove(policy, `(${compared} = ( SELECT public.${twin}() AS ${twin}))`)
    expect(report.byStructure).toBe(false)
  })
})
