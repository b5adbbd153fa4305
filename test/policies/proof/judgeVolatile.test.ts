import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alterPolicies } from '../../../src/operations/alterPolicies.ts'
import type { Operation } from '../../../src/operations/operation.ts'
import type { Verdict } from '../../../src/conditions/condition.ts'
import { rewriteIsEquivalent } from '../../../src/policies/proof/rewriteIsEquivalent.ts'
import { settlePolicies } from '../../../src/policies/proof/settlePolicies.ts'
import { borrow } from '../../../src/postgres/database.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { rewritesIn } from '../rewriting.ts'

const docs = { schema: 'public', name: 'docs' }

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  await owner.query(
    `
    CREATE SCHEMA auth;
    GRANT USAGE ON SCHEMA auth, public TO PUBLIC;
    CREATE FUNCTION auth.uid() RETURNS text LANGUAGE sql STABLE SET search_path = ''
      AS $$ SELECT current_setting('request.sub', true) $$;
    CREATE TABLE members (team int, person text, role text DEFAULT 'member', PRIMARY KEY (team, person));
    CREATE TABLE docs (id int PRIMARY KEY, team int, n int);
    CREATE INDEX docs_team_idx ON docs (team);
    CREATE TABLE notes (doc int);
    CREATE VIEW people AS SELECT person, role FROM members;
    CREATE FUNCTION is_admin() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = ''
      AS $$ SELECT EXISTS (SELECT FROM public.people p WHERE p.person = auth.uid() AND p.role = 'admin') $$;
    CREATE FUNCTION is_member(wanted int) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = ''
      AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.team = wanted AND m.person = auth.uid()) $$;
    CREATE FUNCTION write_members() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN UPDATE public.members SET role = 'member'; RETURN NEW; END $$;
    ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
    CREATE POLICY admins ON docs USING (is_admin());
    CREATE POLICY members ON docs FOR SELECT USING (is_member(team));
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO PUBLIC;
    INSERT INTO members VALUES (1, 'ada', 'admin'), (2, 'ben', 'member');
    INSERT INTO docs SELECT d, d % 4, d FROM generate_series(1, 20) d;
  `,
  )
})
afterAll(() => database.drop())

/** What `optimize` would write for the policies of `docs`. */
async function settled(): Promise<Operation> {
  const rewrites = await rewritesIn(owner, ['policy_function_initplan', 'policy_membership_function'])
  const helpers = [...rewrites.values()].flatMap((each) => each.helpers)
  for (const { name, body } of helpers)
    await owner.query(
      `CREATE SCHEMA IF NOT EXISTS private; GRANT USAGE ON SCHEMA private TO PUBLIC;
       CREATE OR REPLACE FUNCTION private.${name}() RETURNS int[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $h$${body}$h$`,
    )
  const operation = alterPolicies({
    table: docs,
    rule: 'policy_function_initplan',
    why: '',
    alterations: Array.from(rewrites.values(), ({ policy, after }) => ({
      policy: policy.name,
      before: { using: policy.using, check: policy.check },
      after,
      needs: [],
      requires: [],
      needsTrial: true,
    })),
  })
  const found = (await settlePolicies(owner, [operation])).get(operation)
  if (!found || !('operation' in found)) throw new Error(JSON.stringify(found))
  return found.operation
}

/** The condition that the migration begins with, after the change, which is taken back. */
async function checkAfter(change: string, { before }: Operation): Promise<Verdict> {
  const call = before.find(({ condition }) => condition === 'rewriteIsEquivalent')
  const [table, rewrites] = (call?.args ?? []) as Parameters<typeof rewriteIsEquivalent>
  await owner.query('BEGIN')
  try {
    await owner.query(`${change}; SET LOCAL search_path = ''`)
    return await rewriteIsEquivalent(table, rewrites).check(borrow(owner))
  } finally {
    await owner.query('ROLLBACK')
  }
}

describe('the migration of policies that call VOLATILE functions', () => {
  let operation: Operation

  beforeAll(async () => {
    operation = await settled()
  })

  test('rewrites both the call and the membership, proven by structure', async () => {
    expect(operation.up).toHaveLength(2)
    const texts = JSON.stringify(operation.before)
    expect(texts).toContain('SELECT public.is_admin()')
    expect(texts).toContain('private.is_member_teams()')
    expect(texts).not.toContain('shownOnRows')
    expect(await checkAfter('SELECT 1', operation)).toMatchObject({ holds: true })
  })

  test.each([
    [
      'the function was replaced by a quota',
      `CREATE OR REPLACE FUNCTION is_admin() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = ''
         AS 'SELECT count(*) < 30 FROM public.docs'`,
      /it reads public\.docs, which a command on public\.docs may change/,
    ],
    [
      'a view that it reads was replaced',
      `CREATE OR REPLACE VIEW people AS SELECT m.person, m.role FROM members m JOIN docs d ON d.id > 0`,
      /it reads public\.docs through the view public\.people/,
    ],
    [
      'a trigger was added that writes what it reads',
      'CREATE TRIGGER demote BEFORE INSERT OR UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION write_members()',
      /it reads public\.members .*the trigger demote on public\.docs calls public\.write_members\(\), which writes it/,
    ],
    [
      'a trigger was added whose function runs dynamic SQL',
      `CREATE FUNCTION run() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT 1'; RETURN NEW; END $$;
       CREATE TRIGGER runs BEFORE UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION run()`,
      /is not known: the trigger runs on public\.docs calls public\.run\(\), which runs dynamic SQL/,
    ],
    [
      'a cascade was added to what it reads',
      'ALTER TABLE members ADD doc int REFERENCES docs ON DELETE SET NULL',
      /it reads public\.members .*members_doc_fkey cascades to it from public\.docs/,
    ],
    [
      'a cascade was added to a table whose trigger writes what it reads',
      `ALTER TABLE notes ADD FOREIGN KEY (doc) REFERENCES docs ON UPDATE CASCADE;
       CREATE TRIGGER demote BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION write_members()`,
      /the trigger demote on public\.notes/,
    ],
    [
      'what it reads became a parent',
      'ALTER TABLE docs ALTER team SET NOT NULL, ADD person text NOT NULL DEFAULT 1, ADD role text, INHERIT members',
      /it reads public\.members .*it shows the rows of public\.docs/,
    ],
    [
      'a policy of what it reads now reads the table',
      `ALTER TABLE members ENABLE ROW LEVEL SECURITY; CREATE POLICY shown ON members USING (EXISTS (SELECT FROM docs d WHERE d.team = members.team))`,
      /it reads public\.members .*its policies read public\.docs/,
    ],
    [
      'another policy now writes what it reads',
      `CREATE FUNCTION joins() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.members VALUES (9, 'x', 'x'); RETURN true; END $$;
       CREATE POLICY more ON docs AS RESTRICTIVE FOR INSERT WITH CHECK (joins())`,
      /a policy of public\.docs calls public\.joins\(\), which writes it/,
    ],
  ])('is refused if %s', async (_, change, reason) => {
    const verdict = await checkAfter(change, operation)
    expect(verdict).toMatchObject({ holds: false })
    expect(JSON.stringify(verdict)).toMatch(reason)
  })
})
