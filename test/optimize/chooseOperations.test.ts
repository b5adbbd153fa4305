import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chooseOperations } from '../../src/optimize/chooseOperations.ts'
import { authRlsInitplan } from '../../src/rules/policies/authRlsInitplan.ts'
import { policyMembershipFunction } from '../../src/rules/policies/policyMembershipFunction.ts'
import { findWith } from '../rules/findWith.ts'
import { expectReversible } from '../rules/look.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

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
    CREATE FUNCTION is_member(org int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
      $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid()) $$;
    -- With the rights of its caller, who may not read the table.
    CREATE FUNCTION is_known(person uuid, org int) RETURNS boolean LANGUAGE sql STABLE SET search_path = '' AS
      $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = person) $$;
    CREATE TABLE docs (id int PRIMARY KEY, org_id int, owner_id uuid, status varchar(20));
    ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
    GRANT SELECT, UPDATE, DELETE ON docs TO authenticated;
    INSERT INTO members SELECT n % 7, md5((n % 5)::text)::uuid FROM generate_series(1, 35) n;
    INSERT INTO docs SELECT n, n % 9, md5((n % 6)::text)::uuid, (ARRAY['draft', 'open', 'shut'])[1 + n % 3]
      FROM generate_series(1, 300) n;
    ANALYZE`)
})
afterAll(() => database.drop())

async function having(...policies: string[]): Promise<void> {
  await owner.query(`DO $$ DECLARE p record; BEGIN
    FOR p IN SELECT polname FROM pg_policy LOOP EXECUTE format('DROP POLICY %I ON docs', p.polname); END LOOP; END $$`)
  for (const policy of policies) await owner.query(`CREATE POLICY ${policy}`)
}

describe('a rewrite that only a comparison of rows can justify', () => {
  it('is left out if the rows differ, and the others of the table are written', async () => {
    await having(
      'broken ON docs FOR SELECT TO authenticated USING (is_known(auth.uid(), org_id))',
      'sound ON docs FOR UPDATE TO authenticated USING (is_member(org_id))',
    )
    const { cures, operations, skipped } = await chooseOperations(
      owner,
      await findWith(owner, policyMembershipFunction),
      [],
    )
    expect(cures.map(({ finding }) => finding.subject[2])).toEqual(['sound'])
    expect(skipped).toEqual([
      {
        key: 'policy_membership_function public.docs.broken',
        rule: 'policy_membership_function',
        reason: expect.stringMatching(
          /^Left as it is: it would not let the same rows pass: any row gives the error 42501/,
        ),
      },
    ])
    const rewrite = operations.find(({ altersPolicies }) => altersPolicies)
    expect(rewrite?.up).toHaveLength(1)
    // Nor is anything made that only the other one needs.
    expect(operations.map(({ title }) => title)).toEqual([
      'create-schema-private',
      'create-private-is_member_org_ids',
      'rewrite-docs-policies',
    ])
    expect(rewrite?.why).toContain(
      'Policy broken stays as it is: it would not let the same rows pass: any row gives the error 42501',
    )
    await expectReversible(owner, ...operations)
  })
})

describe('a predicate that PostgreSQL prints with a cast that nobody wrote', () => {
  it('is rewritten, and taken back to the letter', async () => {
    await owner.query('DROP SCHEMA IF EXISTS hundredfold CASCADE')
    await having(
      `mine ON docs TO authenticated USING (owner_id = auth.uid() AND status IN ('draft', 'open'))
       WITH CHECK (owner_id = auth.uid() AND status <> ALL (ARRAY['shut', 'gone']))`,
    )
    const { operations } = await chooseOperations(owner, await findWith(owner, authRlsInitplan), [])
    expect(operations).toHaveLength(1)
    await expectReversible(owner, ...operations)
    const { rows } = await owner.query<{ using: string }>(
      `SELECT pg_get_expr(polqual, polrelid) AS using FROM pg_policy`,
    )
    expect(rows[0]?.using).toContain(
      `ANY ((ARRAY['draft'::character varying, 'open'::character varying])::text[])`,
    )
  })
})
