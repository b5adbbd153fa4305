import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { proveEquivalence } from '../../../src/policies/proof/prove.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { clearPolicies, makeWorkspace, policyName, setPolicy } from '../workspace.ts'

const documents = { schema: 'public', name: 'documents' }

/** Nothing can be tried where no table has a row: only what the trees say can tell. */
describe('a rewritten membership, without a row in any table', () => {
  let database: TestDatabase
  let owner: Client
  beforeAll(async () => {
    database = await createDatabase()
    await makeWorkspace(await database.connect(), { rows: false })
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      SET search_path = public;
      CREATE FUNCTION key_ids() RETURNS SETOF int LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
        BEGIN RETURN QUERY (SELECT team_members.team_id FROM public.team_members
          WHERE team_members.is_blocked IS NOT TRUE AND team_members.user_id = (SELECT auth.uid())); END $$;
      CREATE FUNCTION blocked_too() RETURNS SETOF int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT m.team_id FROM public.team_members m WHERE m.user_id = auth.uid() $$;
      CREATE FUNCTION as_caller() RETURNS SETOF int LANGUAGE sql STABLE SET search_path = '' AS $$
        SELECT m.team_id FROM public.team_members m WHERE m.user_id = auth.uid() AND m.is_blocked IS NOT TRUE $$;
      CREATE FUNCTION plain_member(t int) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
        BEGIN RETURN EXISTS (SELECT 1 FROM team_members WHERE user_id = auth.uid() AND t = team_id AND is_blocked IS NOT TRUE); END $$;
      CREATE FUNCTION plain_ids() RETURNS SETOF int LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
        BEGIN RETURN QUERY (SELECT team_id FROM team_members WHERE is_blocked IS NOT TRUE AND user_id = (SELECT auth.uid())); END $$;
      CREATE FUNCTION has_level(lowest int, t int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT EXISTS (SELECT FROM public.team_members m WHERE m.team_id = t AND m.user_id = auth.uid() AND m.level >= lowest) $$;
      CREATE FUNCTION second_level_ids() RETURNS SETOF int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT m.team_id FROM public.team_members m WHERE m.user_id = auth.uid() AND m.level >= 2::int $$;
      CREATE FUNCTION hidden_parameter(team_id int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT EXISTS (SELECT FROM public.team_members m
          WHERE m.team_id = team_id AND m.user_id = auth.uid() AND m.is_blocked IS NOT TRUE) $$;
      CREATE FUNCTION risky_member(t int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT EXISTS (SELECT FROM public.team_members m WHERE m.team_id = t AND m.user_id = auth.uid() AND 6 / m.level > 1) $$;
      CREATE FUNCTION risky_ids() RETURNS SETOF int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT m.team_id FROM public.team_members m WHERE m.user_id = auth.uid() AND 6 / m.level > 1 $$;
      CREATE FUNCTION key_array() RETURNS int[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
        BEGIN RETURN ARRAY(SELECT team_members.team_id FROM public.team_members
          WHERE team_members.is_blocked IS NOT TRUE AND team_members.user_id = (SELECT auth.uid())); END $$;
      CREATE FUNCTION level_array() RETURNS int[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT ARRAY(SELECT m.team_id FROM public.team_members m WHERE m.user_id = auth.uid() AND m.level >= 2::int) $$;
      CREATE FUNCTION blocked_array() RETURNS int[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT ARRAY(SELECT m.team_id FROM public.team_members m WHERE m.user_id = auth.uid()) $$;
      CREATE FUNCTION longer_array() RETURNS int[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT ARRAY(SELECT m.team_id FROM public.team_members m
          WHERE m.user_id = auth.uid() AND m.is_blocked IS NOT TRUE) || 1 $$;
      CREATE FUNCTION two_steps(t int) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
        BEGIN IF t = 3 THEN RETURN true; END IF;
          RETURN EXISTS (SELECT 1 FROM team_members WHERE user_id = auth.uid() AND team_id = t AND is_blocked IS NOT TRUE); END $$`)
  })
  beforeEach(() => clearPolicies(owner))
  afterAll(() => database.drop())

  const outcome = async (policy: string, using: string) => {
    await setPolicy(owner, { policy: `FOR SELECT TO authenticated USING (${policy})` })
    const rewrites = [{ policy: policyName, using, check: null }]
    const report = await readOnly(owner, () => proveEquivalence(borrow(owner), documents, rewrites))
    expect(report.differences).toEqual([])
    return { outcome: report.outcome, byStructure: report.byStructure }
  }
  const byStructure = { outcome: 'equivalent', byStructure: true }
  const notShown = { outcome: 'not shown', byStructure: false }

  it.each([
    ['is_member(team_id)', '(team_id = ANY (ARRAY( SELECT public.team_ids() AS team_ids)))'],
    ['is_member(team_id)', '(team_id IN ( SELECT public.team_ids() AS team_ids))'],
    ['is_member(team_id)', '(team_id = ANY (ARRAY( SELECT public.key_ids() AS key_ids)))'],
    ['plain_member(team_id)', '(team_id = ANY (ARRAY( SELECT public.plain_ids() AS plain_ids)))'],
    ['is_member(team_id)', '(team_id = ANY (( SELECT public.key_array() AS key_array)::integer[]))'],
    [
      'is_member(team_id)',
      '(team_id IN ( SELECT unnest(( SELECT public.key_array() AS key_array)) AS unnest))',
    ],
    ['has_level(2, team_id)', '(team_id = ANY (( SELECT public.level_array() AS level_array)::integer[]))'],
    ['has_level(2, team_id)', '(team_id IN ( SELECT public.second_level_ids() AS second_level_ids))'],
    [
      'owner_id = auth.uid() OR (is_member(team_id) AND NOT is_locked)',
      '((owner_id = ( SELECT auth.uid() AS uid)) OR ((team_id IN ( SELECT public.team_ids() AS team_ids)) AND (NOT is_locked)))',
    ],
    [
      'EXISTS (SELECT FROM team_members m WHERE m.team_id = documents.team_id AND m.user_id = auth.uid() AND m.level >= 2)',
      '(team_id IN ( SELECT m.team_id FROM public.team_members m WHERE ((m.level >= 2) AND (m.user_id = ( SELECT auth.uid() AS uid)))))',
    ],
    [
      'is_member(team_id) OR owner_id = auth.uid()',
      '((owner_id = ( SELECT auth.uid() AS uid)) OR (team_id IN ( SELECT public.team_ids() AS team_ids)))',
    ],
    [
      'is_member(team_id) OR is_public',
      '(is_public OR (team_id IN ( SELECT public.team_ids() AS team_ids)))',
    ],
  ])('is proven by structure: %s', async (policy, using) => {
    expect(await outcome(policy, using)).toEqual(byStructure)
  })

  it.each([
    ['another condition', 'is_member(team_id)', '(team_id IN ( SELECT public.blocked_too() AS blocked_too))'],
    [
      'another condition in an array',
      'is_member(team_id)',
      '(team_id = ANY (( SELECT public.blocked_array() AS blocked_array)::integer[]))',
    ],
    [
      'another condition in an array gone through',
      'is_member(team_id)',
      '(team_id IN ( SELECT unnest(public.blocked_array()) AS unnest))',
    ],
    [
      'the rights of the caller',
      'is_member(team_id)',
      '(team_id IN ( SELECT public.as_caller() AS as_caller))',
    ],
    [
      'names that another search_path resolves',
      'plain_member(team_id)',
      '(team_id = ANY (ARRAY( SELECT public.key_ids() AS key_ids)))',
    ],
    [
      'another value',
      'has_level(1, team_id)',
      '(team_id IN ( SELECT public.second_level_ids() AS second_level_ids))',
    ],
    [
      'a parameter that a column hides',
      'hidden_parameter(team_id)',
      '(team_id IN ( SELECT public.team_ids() AS team_ids))',
    ],
    [
      'a part that may fail',
      'risky_member(team_id)',
      '(team_id IN ( SELECT public.risky_ids() AS risky_ids))',
    ],
    [
      'an arm of OR that may fail and comes earlier',
      `is_member(team_id) OR (meta ->> 'level')::int = 1`,
      `((((meta ->> 'level'::text))::integer = 1) OR (team_id IN ( SELECT public.team_ids() AS team_ids)))`,
    ],
    [
      'an arm of OR that asks who is calling earlier than today',
      'is_member(team_id) OR owner_id = (SELECT auth.uid())',
      '((owner_id = ( SELECT auth.uid() AS uid)) OR (team_id IN ( SELECT public.team_ids() AS team_ids)))',
    ],
    ['another column', 'is_member(team_id)', '(other_team_id IN ( SELECT public.team_ids() AS team_ids))'],
    ['a body that does more', 'two_steps(team_id)', '(team_id IN ( SELECT public.team_ids() AS team_ids))'],
    ['NOT', 'NOT is_member(team_id)', '(NOT (team_id IN ( SELECT public.team_ids() AS team_ids)))'],
    [
      'another level',
      'EXISTS (SELECT FROM team_members m WHERE m.team_id = documents.team_id AND m.user_id = auth.uid() AND m.level >= 2)',
      '(team_id IN ( SELECT m.team_id FROM public.team_members m WHERE ((m.level > 2) AND (m.user_id = ( SELECT auth.uid() AS uid)))))',
    ],
    [
      'a second column of the row',
      'EXISTS (SELECT FROM team_members m WHERE m.team_id = documents.team_id AND m.user_id = documents.owner_id)',
      '(team_id IN ( SELECT m.team_id FROM public.team_members m WHERE (m.user_id = documents.owner_id)))',
    ],
  ])('is not proven with %s', async (_, policy, using) => {
    expect(await outcome(policy, using)).toEqual(notShown)
  })

  it('sees the rows of one more key in an array', async () => {
    await setPolicy(owner, { policy: 'FOR SELECT TO authenticated USING (is_member(team_id))' })
    const using = '(team_id = ANY (( SELECT public.longer_array() AS longer_array)::integer[]))'
    const rewrites = [{ policy: policyName, using, check: null }]
    const { differences } = await readOnly(owner, () => proveEquivalence(borrow(owner), documents, rewrites))
    expect(differences).toContainEqual(
      expect.objectContaining({ effect: 'gained', row: 'made up from a row of NULLs with {"team_id":1}' }),
    )
  })
})
