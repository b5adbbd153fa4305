import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Verdict } from '../../../src/conditions/condition.ts'
import { functionMayBeStable } from '../../../src/policies/proof/functionMayBeStable.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { functionVolatility } from '../../../src/rules/policies/functionVolatility.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { expectReversible, look } from '../look.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE TABLE members (person text);
    CREATE TABLE docs (id int PRIMARY KEY, person text);
    CREATE TABLE other (id int PRIMARY KEY);
    CREATE FUNCTION is_known(who text) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.members m WHERE m.person = who)';
    CREATE FUNCTION quota() RETURNS boolean LANGUAGE sql AS 'SELECT count(*) < 10 FROM public.docs';
    CREATE FUNCTION unused() RETURNS boolean LANGUAGE sql AS 'SELECT true';
    ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
    ALTER TABLE other ENABLE ROW LEVEL SECURITY;
    CREATE POLICY p ON docs USING (is_known(person) AND quota());
    CREATE POLICY q ON other USING (quota());`)
})
afterAll(() => database.drop())

test('by default it only tells: the declaration holds for every caller, and policies do without it', async () => {
  const { findings } = await look(owner, functionVolatility)
  expect(findings).toMatchObject([
    { level: 'info', subject: ['public', 'is_known', 'who text'], remedy: { kind: 'runbook' } },
  ])
})

test('asked for by its name, it writes a reversible migration', async () => {
  const { findings } = await look(owner, functionVolatility, undefined, ['function_volatility'])
  expect(findings.map(({ subject }) => subject[1])).toEqual(['is_known'])
  const [finding] = findings
  if (finding?.remedy.kind !== 'migration') throw new Error(finding?.remedy.title)
  expect(finding.level).toBe('warn')
  expect(finding.remedy.operation.up).toEqual(['ALTER FUNCTION "public"."is_known"(who text) STABLE'])
  await expectReversible(owner, finding.remedy.operation)
})

test.each([
  [
    'the function now reads the table',
    `CREATE OR REPLACE FUNCTION is_known(who text) RETURNS boolean LANGUAGE sql AS 'SELECT count(*) < 10 FROM public.docs'`,
    /it reads public\.docs/,
  ],
  [
    'a trigger now writes what it reads',
    `CREATE FUNCTION joins() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.members VALUES (NEW.person); RETURN NEW; END $$;
     CREATE TRIGGER joins BEFORE INSERT ON docs FOR EACH ROW EXECUTE FUNCTION joins()`,
    /the trigger joins on public\.docs/,
  ],
])('its migration is refused if %s', async (_, change, reason) => {
  await owner.query('BEGIN')
  try {
    await owner.query(`${change}; SET LOCAL search_path = ''`)
    const name = { schema: 'public', name: 'is_known', args: 'who text' }
    const verdict: Verdict = await functionMayBeStable(name).check(borrow(owner))
    expect(verdict).toMatchObject({ holds: false, actual: expect.stringMatching(reason) as string })
  } finally {
    await owner.query('ROLLBACK')
  }
})
