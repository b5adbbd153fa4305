import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrationFile } from '../../../src/optimize/migrationFile.ts'
import { optimize } from '../../../src/optimize/optimize.ts'
import { writeMigrations } from '../../../src/optimize/writeMigrations.ts'
import { duplicatePolicy } from '../../../src/rules/policies/duplicatePolicy.ts'
import { policyFunctionInitplan } from '../../../src/rules/policies/policyFunctionInitplan.ts'
import type { Finding } from '../../../src/rules/rule.ts'
import { runDown, runUp } from '../../migrate/run.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { migrationDirectory } from '../../support/migrationFiles.ts'
import { findWith } from '../findWith.ts'

describe('duplicate_policy', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`CREATE TABLE public."My notes" (id int, "Owner" text); CREATE TABLE public.other (id int, "Owner" text);
      ALTER TABLE public."My notes" ENABLE ROW LEVEL SECURITY; ALTER TABLE public.other ENABLE ROW LEVEL SECURITY`)
  })
  afterAll(() => database.drop())

  const policies = async (): Promise<unknown[]> =>
    (
      await owner.query(`SELECT polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid) AS using,
        pg_get_expr(polwithcheck, polrelid) AS check, obj_description(oid, 'pg_policy') AS comment FROM pg_policy ORDER BY 1`)
    ).rows
  const having = async (...statements: string[]): Promise<Finding[]> => {
    await owner.query(`DO $$ DECLARE p record; BEGIN
      FOR p IN SELECT polname, polrelid::regclass AS t FROM pg_policy LOOP
        EXECUTE format('DROP POLICY %I ON %s', p.polname, p.t); END LOOP; END $$`)
    for (const statement of statements) await owner.query(statement)
    return findWith(owner, duplicatePolicy)
  }

  const bad = (name: string): string =>
    `CREATE POLICY "${name}" ON public."My notes" AS RESTRICTIVE FOR UPDATE TO authenticated, anon
       USING ("Owner" = current_user AND id <> 3) WITH CHECK (id < 9)`

  it('drops the newer of two that say the same, and down restores it to the letter', async () => {
    const [finding, ...more] = await having(
      bad('first'),
      bad(`It's a ""twin""`),
      `COMMENT ON POLICY "It's a ""twin""" ON public."My notes" IS 'The \\second'' one'`,
    )
    expect(more).toEqual([])
    expect(finding?.subject).toEqual(['public', 'My notes', 'It\'s a "twin"'])
    if (finding?.remedy.kind !== 'migration') throw new Error(finding?.remedy.title)
    await using directory = await migrationDirectory()
    await directory.write('20260101000000001_drop-policy.ts', migrationFile(finding.remedy.operation))
    const before = await policies()
    expect((await runUp(owner, directory.path)).failure).toBeUndefined()
    expect(await policies()).toEqual(before.slice(1))
    expect((await runDown(owner, directory.path)).failure).toBeUndefined()
    expect(await policies()).toEqual(before)
  })

  it('is not applied where the one that stays was changed in the meantime', async () => {
    const [finding] = await having(bad('first'), bad('second'))
    if (finding?.remedy.kind !== 'migration') throw new Error(finding?.remedy.title)
    await using directory = await migrationDirectory()
    await directory.write('20260101000000001_drop-policy.ts', migrationFile(finding.remedy.operation))
    await owner.query(`ALTER POLICY first ON public."My notes" TO anon`)
    const { failure } = await runUp(owner, directory.path)
    expect(String(failure)).toMatch(/alike|say the same/)
    expect(await policies()).toHaveLength(2)
  })

  it.each([
    [
      'another command',
      `CREATE POLICY other ON public."My notes" AS RESTRICTIVE FOR ALL TO authenticated, anon USING ("Owner" = current_user AND id <> 3) WITH CHECK (id < 9)`,
    ],
    [
      'another kind',
      `CREATE POLICY other ON public."My notes" FOR UPDATE TO authenticated, anon USING ("Owner" = current_user AND id <> 3) WITH CHECK (id < 9)`,
    ],
    [
      'other roles',
      `CREATE POLICY other ON public."My notes" AS RESTRICTIVE FOR UPDATE TO anon USING ("Owner" = current_user AND id <> 3) WITH CHECK (id < 9)`,
    ],
    [
      'no check of its own',
      `CREATE POLICY other ON public."My notes" AS RESTRICTIVE FOR UPDATE TO authenticated, anon USING ("Owner" = current_user AND id <> 3)`,
    ],
    [
      'another table',
      `CREATE POLICY other ON public.other AS RESTRICTIVE FOR UPDATE TO authenticated, anon USING ("Owner" = current_user AND id <> 3) WITH CHECK (id < 9)`,
    ],
  ])('says nothing of one with %s', async (_, good) => {
    expect(await having(bad('first'), good)).toEqual([])
  })

  it('drops one of two that the same run rewrites, before it rewrites the other', async () => {
    await owner.query(
      `CREATE FUNCTION public.me() RETURNS text LANGUAGE plpgsql STABLE SET search_path = '' AS 'BEGIN RETURN 1; END'`,
    )
    const bare = (name: string) => `CREATE POLICY ${name} ON public.other USING ("Owner" = public.me())`
    await having(bare('one'), bare('two'))
    await using directory = await migrationDirectory()
    const rules = [policyFunctionInitplan, duplicatePolicy]
    const options = { rules, level: 'warn', directory: directory.path } as const
    const { groups, choice } = await optimize(owner, options)
    expect(groups.map(({ operation }) => operation.title)).toEqual([
      'drop-other-two',
      'rewrite-other-policies',
    ])
    expect(choice.cures.map(({ finding }) => finding.rule)).toEqual([
      'policy_function_initplan',
      'policy_function_initplan',
      'duplicate_policy',
    ])
    await writeMigrations(directory.path, groups)
    const before = await policies()
    expect((await runUp(owner, directory.path)).failure).toBeUndefined()
    expect(await policies()).toMatchObject([{ polname: 'one', using: expect.stringContaining('SELECT') }])
    expect((await optimize(owner, options)).groups).toEqual([])
    expect((await runDown(owner, directory.path)).failure).toBeUndefined()
    expect(await policies()).toEqual(before)
  })

  it('rewrites both where no drop is wanted', async () => {
    await having(
      `CREATE POLICY one ON public.other USING ("Owner" = public.me())`,
      `CREATE POLICY two ON public.other USING ("Owner" = public.me())`,
    )
    await using directory = await migrationDirectory()
    const { groups } = await optimize(owner, {
      rules: [policyFunctionInitplan],
      level: 'warn',
      directory: directory.path,
    })
    expect(groups[0]?.operation.up).toHaveLength(2)
  })

  it('is neither dropped nor rewritten where the ignore file names it', async () => {
    await using directory = await migrationDirectory()
    const { choice, selection } = await optimize(owner, {
      rules: [policyFunctionInitplan, duplicatePolicy],
      level: 'warn',
      directory: directory.path,
      ignore: [{ rule: 'duplicate_policy', subject: 'public.other.two', reason: 'wanted so' }],
    })
    expect(choice.cures.map(({ finding }) => finding.subject[2])).toEqual(['one'])
    expect(selection.ignored.map(({ key }) => key)).toContain('policy_function_initplan public.other.two')
  })

  it('leaves policies that may answer differently when they are asked twice', async () => {
    const dice = (name: string) => `CREATE POLICY ${name} ON public.other USING (random() < 0.5)`
    const [finding] = await having(dice('one'), dice('two'))
    expect(finding?.remedy).toMatchObject({
      kind: 'none',
      title: expect.stringMatching(/VOLATILE/) as string,
    })
  })
})
