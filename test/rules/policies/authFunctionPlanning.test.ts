import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OptimizeOptions } from '../../../src/optimize/optimize.ts'
import { optimize } from '../../../src/optimize/optimize.ts'
import { authFunctionPlanning } from '../../../src/rules/policies/authFunctionPlanning.ts'
import { authRlsInitplan } from '../../../src/rules/policies/authRlsInitplan.ts'
import { policyMembershipFunction } from '../../../src/rules/policies/policyMembershipFunction.ts'
import { parseWorkload } from '../../../src/workload/workloadFile.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'
import { expectReversible } from '../look.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE SCHEMA auth; GRANT USAGE ON SCHEMA auth, public TO authenticated;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
      $$ SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
    CREATE TABLE members (org_id int, user_id uuid, PRIMARY KEY (org_id, user_id));
    CREATE INDEX ON members (user_id);
    CREATE FUNCTION is_member(org int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
      $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid()) $$;
    CREATE TABLE docs (id int PRIMARY KEY, org_id int, owner_id uuid);
    CREATE INDEX ON docs (owner_id); CREATE INDEX ON docs (org_id);
    CREATE TABLE notes (id int PRIMARY KEY, doc_id int, owner_id uuid);
    CREATE INDEX ON notes (owner_id);
    CREATE TABLE logs (id int PRIMARY KEY, owner_id uuid);
    CREATE INDEX ON logs (owner_id);
    ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    ALTER TABLE logs ENABLE ROW LEVEL SECURITY;
    GRANT SELECT, UPDATE, DELETE, INSERT ON docs, notes, logs TO authenticated;
    GRANT USAGE ON SCHEMA auth, public TO service_role; GRANT SELECT ON notes TO service_role;
    CREATE POLICY own ON docs FOR SELECT TO authenticated USING (owner_id = auth.uid() OR is_member(org_id));
    CREATE POLICY own_update ON docs FOR UPDATE TO authenticated USING (owner_id = (SELECT auth.uid()));
    CREATE POLICY own ON notes FOR SELECT TO authenticated
      USING (owner_id = (SELECT auth.uid()) OR EXISTS (SELECT FROM docs d WHERE d.id = notes.doc_id AND d.owner_id = (SELECT auth.uid())));
    CREATE POLICY own ON logs FOR SELECT TO authenticated USING (owner_id = (SELECT auth.uid()));
    INSERT INTO members SELECT n % 7, md5((n % 5)::text)::uuid FROM generate_series(1, 35) n;
    INSERT INTO docs SELECT n, n % 9, md5((n % 6)::text)::uuid FROM generate_series(1, 300) n;
    INSERT INTO notes SELECT n, n, md5((n % 6)::text)::uuid FROM generate_series(1, 300) n;
    INSERT INTO logs SELECT n, md5((n % 6)::text)::uuid FROM generate_series(1, 300) n;
    ANALYZE`)
})
afterAll(() => database.drop())

describe('auth_function_planning', () => {
  it('says, per table, how often a statement plans the functions', async () => {
    const findings = await findWith(owner, authFunctionPlanning)
    expect(
      findings.map(({ level, subject, evidence }) => [level, subject, evidence.map(({ value }) => value)]),
    ).toEqual([
      // Of an UPDATE: the policies for SELECT and UPDATE, the latter also as WITH CHECK.
      ['info', ['public', 'docs'], [3, 0.06]],
      ['info', ['public', 'logs'], [1, 0.02]],
      // The policies of docs are planned too.
      ['info', ['public', 'notes'], [3, 0.06]],
    ])
  })

  const rules = [authRlsInitplan, policyMembershipFunction, authFunctionPlanning]
  const titles = async (options: Partial<OptimizeOptions>) => {
    const { groups } = await optimize(owner, {
      rules,
      level: 'warn',
      directory: 'no-such-directory',
      ...options,
    })
    return groups.map(({ operation: { title, up } }) => [title, up.join().includes('current_user_id')])
  }
  const workload = (role: string) => ({
    statements: parseWorkload(`-- name: note\n-- role: ${role}\nSELECT * FROM notes WHERE id = 1;`),
  })

  it('is not written, nor is it part of what another rule writes', async () => {
    expect(await titles({})).toEqual([
      ['create-key-functions-of-private', false],
      ['rewrite-docs-policies', false],
    ])
  })

  it('is written with --level info, in one migration for all policies of a table', async () => {
    expect(await titles({ level: 'info' })).toEqual([
      ['create-key-functions-of-private', false],
      ['create-private-current_user_id', true],
      ['rewrite-docs-policies', true],
      ['rewrite-logs-policies', true],
      ['rewrite-notes-policies', true],
    ])
  })

  it('is written for the tables whose policies statements of a workload plan', async () => {
    const written = await titles({ workload: workload('authenticated') })
    expect(written.filter(([, isPlanned]) => isPlanned).map(([title]) => title)).toEqual([
      'create-private-current_user_id',
      'rewrite-docs-policies',
      'rewrite-notes-policies',
    ])
  })

  it('is not written for a role to which no policy applies', async () => {
    const written = await titles({ workload: workload('service_role') })
    expect(written.filter(([, isPlanned]) => isPlanned)).toEqual([])
  })

  it('is not written for a table that the ignore file names', async () => {
    const ignore = [{ rule: 'auth_function_planning', subject: 'public.docs', reason: 'wanted so' } as const]
    const written = await titles({ level: 'info', ignore })
    expect(written.filter(([, isPlanned]) => isPlanned).map(([title]) => title)).toEqual([
      'create-private-current_user_id',
      'rewrite-logs-policies',
      'rewrite-notes-policies',
    ])
  })

  it('is proven by structure when it is applied, and down restores everything', async () => {
    const { groups } = await optimize(owner, { rules, level: 'info', directory: 'no-such-directory' })
    const operations = groups.map(({ operation }) => operation)
    expect(JSON.stringify(operations)).not.toContain('shownOnRows')
    await expectReversible(owner, ...operations)
    expect(await findWith(owner, authFunctionPlanning)).toEqual([])
  })
})
