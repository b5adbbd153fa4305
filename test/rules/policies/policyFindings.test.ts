import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Operation } from '../../../src/operations/operation.ts'
import { migrationFile } from '../../../src/optimize/migrationFile.ts'
import { settlePolicies } from '../../../src/policies/proof/settlePolicies.ts'
import { authRlsInitplan } from '../../../src/rules/policies/authRlsInitplan.ts'
import { policyCorrelatedSubquery } from '../../../src/rules/policies/policyCorrelatedSubquery.ts'
import { policyFunctionInitplan } from '../../../src/rules/policies/policyFunctionInitplan.ts'
import { policyMembershipFunction } from '../../../src/rules/policies/policyMembershipFunction.ts'
import type { Finding } from '../../../src/rules/rule.ts'
import { runDown, runUp } from '../../migrate/run.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { migrationDirectory } from '../../support/migrationFiles.ts'
import { findWith } from '../findWith.ts'

let database: TestDatabase
let owner: Client

/** 63 bytes, with quotes and letters beyond ASCII. */
const longName = `Ünïcode "own" rows, it's ${'x'.repeat(36)}`

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE SCHEMA auth;
    GRANT USAGE ON SCHEMA auth TO anon, authenticated;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
      $$ SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
    CREATE SCHEMA "Odd ""one";
    GRANT USAGE ON SCHEMA "Odd ""one" TO authenticated;
    CREATE FUNCTION public.is_admin() RETURNS boolean LANGUAGE sql STABLE AS 'SELECT auth.uid() IS NULL';
    CREATE TABLE "Odd ""one"."Nötes" (id int PRIMARY KEY, "Owner" uuid, org int);
    CREATE FUNCTION public.quota() RETURNS boolean LANGUAGE sql AS 'SELECT count(*) < 3 FROM "Odd ""one"."Nötes"';
    CREATE TABLE public.people (id uuid);
    CREATE FUNCTION public.undeclared() RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.people)';
    CREATE FUNCTION public.is_fine(note "Odd ""one"."Nötes") RETURNS boolean LANGUAGE sql STABLE AS 'SELECT note.id > 0';
    INSERT INTO "Odd ""one"."Nötes" SELECT n, md5((n % 5)::text)::uuid, n % 7 FROM generate_series(1, 60) n;
    INSERT INTO "Odd ""one"."Nötes" VALUES (61, NULL, NULL);
    GRANT SELECT, UPDATE, DELETE ON "Odd ""one"."Nötes" TO authenticated;
    ALTER TABLE "Odd ""one"."Nötes" ENABLE ROW LEVEL SECURITY;
    ANALYZE;
  `)
})
afterAll(() => database.drop())

async function having(...policies: string[]): Promise<void> {
  await owner.query(`DO $$ DECLARE p record; BEGIN
    FOR p IN SELECT polname, polrelid::regclass AS t FROM pg_policy LOOP
      EXECUTE format('DROP POLICY %I ON %s', p.polname, p.t); END LOOP; END $$`)
  for (const policy of policies) await owner.query(policy)
}

const on = `ON "Odd ""one"."Nötes"`

function operationOf(finding: Finding | undefined): Operation {
  if (finding?.remedy.kind !== 'migration') throw new Error(finding?.remedy.title ?? 'nothing was found')
  return finding.remedy.operation
}

async function settled(operation: Operation): Promise<Operation> {
  const result = (await settlePolicies(owner, [operation])).get(operation)
  if (!result || 'reason' in result) throw new Error(result?.reason)
  return result.operation
}

describe('findings about policies', () => {
  it('bad: a call for every row is found, with one migration for all policies of the table', async () => {
    await having(
      `CREATE POLICY a ${on} FOR SELECT USING ("Owner" = auth.uid())`,
      `CREATE POLICY b ${on} FOR UPDATE USING (is_admin()) WITH CHECK ("Owner" = auth.uid())`,
    )
    const first = await findWith(owner, authRlsInitplan)
    expect(first.map(({ subject }) => subject)).toEqual([
      ['Odd "one', 'Nötes', 'a'],
      ['Odd "one', 'Nötes', 'b'],
    ])
    const [second] = await findWith(owner, policyFunctionInitplan)
    expect(second).toMatchObject({ level: 'warn', subject: ['Odd "one', 'Nötes', 'b'] })
    expect(JSON.stringify(operationOf(second))).toBe(JSON.stringify(operationOf(first[0])))
    expect(operationOf(second).up).toHaveLength(2)
  })

  it('good: what is wrapped is no finding for any of the rules', async () => {
    await having(`CREATE POLICY a ${on} USING ("Owner" = (SELECT auth.uid()) OR (SELECT is_admin()))`)
    for (const rule of [
      authRlsInitplan,
      policyFunctionInitplan,
      policyMembershipFunction,
      policyCorrelatedSubquery,
    ]) {
      expect(await findWith(owner, rule)).toEqual([])
    }
  })

  it('a VOLATILE function is a finding without a migration: the steps say what a person could do', async () => {
    await having(`CREATE POLICY a ${on} USING (quota())`)
    const [finding] = await findWith(owner, policyFunctionInitplan)
    expect(finding).toMatchObject({ level: 'info', subject: ['Odd "one', 'Nötes', 'a', 'public.quota()'] })
    expect(finding?.remedy).toMatchObject({
      kind: 'runbook',
      title:
        'Left as it is: public.quota() is VOLATILE, and it reads "Odd ""one"."Nötes", which a command on "Odd ""one"."Nötes" may change',
    })
  })
})

describe('a function that is VOLATILE by omission', () => {
  it('is called once per statement, and the finding says why and what cannot rely on it', async () => {
    await having(`CREATE POLICY a ${on} USING (undeclared())`)
    const [finding] = await findWith(owner, policyFunctionInitplan)
    expect(finding?.remedy).toMatchObject({
      kind: 'migration',
      title: 'Rewrite it: (SELECT public.undeclared())',
    })
    const why = 'public.undeclared() is declared VOLATILE, the default, but it reads only public.people'
    expect(finding?.evidence).toContainEqual({
      name: 'once per statement',
      kind: 'measured',
      value: expect.stringMatching(
        new RegExp(`^${why.replaceAll(/[().]/g, '\\$&')}.*PostgreSQL leaves their order open`),
      ) as string,
    })
    expect(finding?.remedy).toMatchObject({ operation: { why: expect.stringContaining(why) as string } })
  })
})

describe('the migration of a finding', () => {
  const policies = async () =>
    (
      await owner.query(`SELECT polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid) AS using,
        pg_get_expr(polwithcheck, polrelid) AS check FROM pg_policy ORDER BY polname`)
    ).rows as Record<string, unknown>[]

  it('leaves roles, command and kind, and down restores names and predicates to the letter', async () => {
    const name = longName.replaceAll('"', '""')
    await having(
      `CREATE POLICY "${name}" ${on} AS RESTRICTIVE FOR UPDATE TO authenticated, anon
         USING ("Owner" = auth.uid()) WITH CHECK ("Owner" = auth.uid() AND org > 0)`,
      `CREATE POLICY everything ${on} USING (true)`,
    )
    expect(Buffer.byteLength(longName)).toBe(63)
    const before = await policies()
    const operation = await settled(operationOf((await findWith(owner, authRlsInitplan))[0]))
    await using directory = await migrationDirectory()
    await directory.write('20260101000000001_rewrite-policies.ts', migrationFile(operation))
    expect((await runUp(owner, directory.path)).failure).toBeUndefined()
    const after = await policies()
    expect(after.map((each) => ({ ...each, using: '', check: '' }))).toEqual(
      before.map((each) => ({ ...each, using: '', check: '' })),
    )
    expect(after.find(({ polname }) => polname === longName)?.['using']).toBe(
      '("Owner" = ( SELECT auth.uid() AS uid))',
    )
    expect((await runDown(owner, directory.path)).failure).toBeUndefined()
    expect(await policies()).toEqual(before)
  })

  it('is not applied where somebody changed the policy in the meantime, and names the difference', async () => {
    await having(`CREATE POLICY a ${on} USING ("Owner" = auth.uid())`)
    const operation = await settled(operationOf((await findWith(owner, authRlsInitplan))[0]))
    await owner.query(`ALTER POLICY a ${on} USING ("Owner" = auth.uid() AND org = 1)`)
    await using directory = await migrationDirectory()
    await directory.write('20260101000000002_rewrite-policies.ts', migrationFile(operation))
    const { failure } = await runUp(owner, directory.path)
    expect(failure?.exitCode).toBe(2)
    expect(failure?.message).toContain('org = 1')
  })

  it('is read back from the table itself where the policy uses its row type', async () => {
    await having(`CREATE POLICY a ${on} USING (is_fine("Nötes".*) AND "Owner" = auth.uid())`)
    const operation = await settled(operationOf((await findWith(owner, authRlsInitplan))[0]))
    expect(operation.altersPolicies?.alterations[0]?.after.using).toBe(
      '(public.is_fine("Nötes".*) AND ("Owner" = ( SELECT auth.uid() AS uid)))',
    )
    expect((await policies())[0]?.['using']).toContain('"Owner" = auth.uid()')
  })
})
