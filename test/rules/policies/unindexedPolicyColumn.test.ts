import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { policyCorrelatedSubquery } from '../../../src/rules/policies/policyCorrelatedSubquery.ts'
import { unindexedPolicyColumn } from '../../../src/rules/policies/unindexedPolicyColumn.ts'
import type { Finding } from '../../../src/rules/rule.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('unindexed_policy_column', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    const superuser = await database.connect()
    await superuser.query(`CREATE SCHEMA auth; GRANT USAGE ON SCHEMA auth TO PUBLIC;
      CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
        $$ SELECT nullif(current_setting('app.user', true), '')::uuid $$`)
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TYPE public.level AS ENUM ('low', ${Array.from({ length: 30 }, (_, at) => `'l${at}'`).join(', ')}, 'high');
      CREATE FUNCTION public.is_admin() RETURNS boolean LANGUAGE sql STABLE AS 'SELECT false';
      CREATE FUNCTION public.roll() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT pg_catalog.gen_random_uuid()'`)
  })
  afterAll(() => database.drop())

  let number = 0
  /** A table of 5,000 rows with row-level security, and the statements that follow with its name for `@`. */
  const table = async (statements: string, rows = 5000): Promise<string> => {
    const name = `t${(number += 1)}`
    await owner.query(
      `CREATE TABLE public.@ (id int PRIMARY KEY, owner uuid, editor uuid, team int, email text, level public.level, body json, open boolean, shared uuid[], labels jsonb);
       INSERT INTO public.@ SELECT n, md5((n % 500)::text)::uuid, md5((n % 300)::text)::uuid, n % 200, 'User' || n % 500, ('l' || n % 30)::public.level, '{}', n % 2 = 0,
           ARRAY[md5((n % 700)::text)::uuid], jsonb_build_array('label' || n % 700)
         FROM generate_series(1, ${rows}) n;
       ALTER TABLE public.@ ENABLE ROW LEVEL SECURITY; GRANT SELECT ON public.@ TO authenticated;
       ${statements}; ANALYZE public.@`.replaceAll(/@(?!>)/g, name),
    )
    return name
  }
  const findingsOn = async (name: string): Promise<Finding[]> =>
    (await findWith(owner, unindexedPolicyColumn)).filter(({ subject }) => subject[1] === name)
  const columnsOf = (findings: Finding[]): (string | undefined)[] => findings.map(({ subject }) => subject[2])
  const run = async ({ remedy }: Finding, direction: 'up' | 'down'): Promise<void> => {
    if (remedy.kind !== 'migration') throw new Error(remedy.title)
    for (const statement of remedy.operation[direction]) await owner.query(statement)
  }
  const planOf = async (name: string): Promise<string> => {
    await owner.query(
      `BEGIN; SET LOCAL ROLE authenticated; SELECT set_config('app.user', md5('7')::uuid::text, true)`,
    )
    const { rows } = await owner.query<{ 'QUERY PLAN': string }>(`EXPLAIN SELECT * FROM public.${name}`)
    await owner.query('ROLLBACK')
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  }

  it.each([
    ['owner', 'owner = auth.uid()'],
    ['owner', '(SELECT auth.uid()) = owner'],
    ['owner', 'open AND owner = (SELECT auth.uid())'],
    ['team', 'team = ANY (ARRAY(SELECT 7 WHERE auth.uid() IS NOT NULL))'],
    ['(lower(email))', `lower(email) = (SELECT 'user7' WHERE auth.uid() IS NOT NULL)`],
    ['shared', 'shared @> ARRAY[(SELECT auth.uid())]'],
    ['shared', 'ARRAY[auth.uid()] && shared'],
    ['labels', `labels @> (SELECT '["label7"]'::jsonb WHERE auth.uid() IS NOT NULL)`],
    ['level', `level = (SELECT 'high'::public.level WHERE auth.uid() IS NOT NULL)`],
  ])('finds %s in %s, and the index that cures it is used', async (key, predicate) => {
    const name = await table(`CREATE POLICY bad_policy ON public.@ USING (${predicate})`)
    expect(await planOf(name)).toMatch('Seq Scan')
    const findings = await findingsOn(name)
    expect(columnsOf(findings)).toEqual([key])
    const [finding] = findings as [Finding]
    expect(finding.level).toBe('warn')
    await run(finding, 'up')
    expect(await planOf(name)).toMatch(/Index/)
    expect(await findingsOn(name)).toEqual([])
    await run(finding, 'down')
    expect(columnsOf(await findingsOn(name))).toEqual([key])
  })

  it('wants no B-tree where a GIN index is needed, and the other way round', async () => {
    const name = await table(`
      CREATE POLICY bad_shared ON public.@ USING (shared @> ARRAY[auth.uid()] OR owner = auth.uid());
      CREATE INDEX ON public.@ (shared); CREATE INDEX ON public.@ (owner)`)
    const findings = await findingsOn(name)
    expect(columnsOf(findings)).toEqual(['shared'])
    await run(findings[0] as Finding, 'up')
    expect(await planOf(name)).toMatch(/BitmapOr/)
    expect(await findingsOn(name)).toEqual([])
  })

  it('wants none for = ANY of a column of arrays, which no index serves', async () => {
    const name = await table(`CREATE POLICY good_any ON public.@ USING (auth.uid() = ANY (shared))`)
    expect(await findingsOn(name)).toEqual([])
  })

  it('wants an index for every arm of a disjunction, within a policy and between policies', async () => {
    const name =
      await table(`CREATE POLICY bad_one ON public.@ USING (owner = auth.uid() OR editor = auth.uid());
      CREATE POLICY bad_two ON public.@ FOR SELECT USING (team = (SELECT 7))`)
    const findings = await findingsOn(name)
    expect(columnsOf(findings).sort()).toEqual(['editor', 'owner', 'team'])
    for (const finding of findings) await run(finding, 'up')
    expect(await planOf(name)).toMatch('BitmapOr')
  })

  it.each([
    ['an index that leads on it', 'CREATE INDEX ON public.@ (owner, team)'],
    ['a partial index of the rows that have one', 'CREATE INDEX ON public.@ (owner) WHERE owner IS NOT NULL'],
    [
      'a partial index of the rows that the policy lets through',
      'CREATE INDEX ON public.@ (owner) WHERE open',
    ],
  ])('is content with %s', async (_, index) => {
    const name = await table(
      `CREATE POLICY good_policy ON public.@ USING (open AND owner = (SELECT auth.uid())); ${index}`,
    )
    expect(await planOf(name)).toMatch(/Index/)
    expect(await findingsOn(name)).toEqual([])
  })

  it.each([
    ['a partial index of other rows', 'CREATE INDEX ON public.@ (owner) WHERE team > 3'],
    ['an index that has the column second', 'CREATE INDEX ON public.@ (team, owner)'],
    ['an index of another method', 'CREATE INDEX ON public.@ USING brin (owner)'],
  ])('is not content with %s', async (_, index) => {
    const name = await table(
      `CREATE POLICY bad_policy ON public.@ USING (owner = (SELECT auth.uid())); ${index}`,
    )
    expect(columnsOf(await findingsOn(name))).toEqual(['owner'])
  })

  it('ignores constants, volatile functions and columns compared with one another', async () => {
    const name = await table(`CREATE POLICY good_one ON public.@ FOR SELECT USING (team = 3 AND open);
      CREATE POLICY good_two ON public.@ FOR UPDATE USING (owner = public.roll());
      CREATE POLICY good_three ON public.@ FOR DELETE USING (owner = editor)`)
    expect(await findingsOn(name)).toEqual([])
  })

  it('names the policy that makes an index useless by letting rows pass in another way', async () => {
    const name = await table(`CREATE POLICY mine ON public.@ USING (owner = (SELECT auth.uid()));
      CREATE POLICY everything ON public.@ FOR SELECT USING ((SELECT public.is_admin()))`)
    // For UPDATE and DELETE the first policy stands alone.
    expect((await findingsOn(name))[0]?.remedy.kind).toBe('migration')
    await owner.query(`DROP POLICY everything ON public.${name}`)
    await owner.query(`CREATE POLICY everything ON public.${name} USING ((SELECT public.is_admin()))`)
    const [finding] = await findingsOn(name)
    expect(finding).toMatchObject({ level: 'info', remedy: { kind: 'none' } })
    expect(finding?.remedy.title).toMatch(/policy everything lets rows in/)
    await owner.query(`CREATE INDEX ON public.${name} (owner)`)
    expect(await planOf(name)).toMatch('Seq Scan')
  })

  it('refuses an operator that is not leakproof behind a restrictive policy, where the index goes unused', async () => {
    const level = `level = (SELECT 'high'::public.level WHERE auth.uid() IS NOT NULL)`
    const name = await table(`CREATE POLICY bad_policy ON public.@ USING (${level});
      CREATE POLICY restrictive ON public.@ AS RESTRICTIVE USING (team <> 3)`)
    const [finding] = await findingsOn(name)
    expect(finding?.remedy).toMatchObject({
      kind: 'none',
      title: expect.stringMatching(/not leakproof/) as string,
    })
    await owner.query(`CREATE INDEX ON public.${name} (level)`)
    expect(await planOf(name)).toMatch('Seq Scan')
  })

  it('refuses a type without an order, and an expression that is not immutable', async () => {
    const name = await table(`CREATE POLICY bad_one ON public.@ FOR SELECT USING
        (xmlelement(name x, email)::text = (SELECT auth.uid()::text));
      CREATE POLICY bad_two ON public.@ FOR UPDATE USING (to_char(now(), email) = (SELECT auth.uid()::text))`)
    const titles = (await findingsOn(name)).map(({ remedy }) => remedy.title)
    expect(titles).toEqual([expect.stringMatching(/IMMUTABLE/), expect.stringMatching(/IMMUTABLE/)])
  })

  it('looks into the tables of sub-selects', async () => {
    const members = await table('')
    const name = await table(
      `CREATE POLICY bad_policy ON public.@ USING
         (EXISTS (SELECT 1 FROM public.${members} m WHERE m.team = @.team AND m.owner = auth.uid()))`,
    )
    const alone = await findWith(owner, unindexedPolicyColumn, undefined, ['unindexed_policy_column'])
    expect(alone.filter(({ subject }) => subject[1] === name)).toEqual([])
    const [finding] = alone.filter(({ subject }) => subject[1] === members)
    expect(finding?.subject).toEqual(['public', members, 'team'])
    expect(finding?.detail).toMatch(`bad_policy of public.${name}`)
  })

  it('wants the indexes that a policy needs once it is rewritten, where the rewrite is wanted too', async () => {
    const members = await table('')
    const name = await table(
      `CREATE POLICY bad_policy ON public.@ USING
         (EXISTS (SELECT 1 FROM public.${members} m WHERE m.team = @.team AND m.owner = auth.uid()))`,
    )
    expect(columnsOf(await findingsOn(name))).toEqual(['team'])
    expect(columnsOf(await findingsOn(members))).toEqual(['owner'])
    const rewrites = (await findWith(owner, policyCorrelatedSubquery)).filter(
      ({ subject }) => subject[1] === name,
    )
    const [{ remedy } = {}] = rewrites
    if (remedy?.kind !== 'migration') throw new Error(remedy?.title)
    expect(remedy.title).toMatch(/team = ANY \(ARRAY\(/)
    expect(remedy.operation.requires?.map(({ title }) => title)).toEqual([`create-${name}-team-idx`])
    expect(remedy.operation.before).toContainEqual({
      condition: 'indexIsValid',
      args: [{ schema: 'public', name: `${name}_team_idx` }],
    })
  })

  it('only notes a small table, and names an index that fits and is free', async () => {
    const small = await table('CREATE POLICY bad_policy ON public.@ USING (owner = auth.uid())', 50)
    expect((await findingsOn(small))[0]).toMatchObject({ level: 'info', remedy: { kind: 'none' } })
    const long = 'ü'.repeat(31)
    await owner.query(`CREATE TABLE public."${long}" (id int, "Owner id" uuid);
      CREATE TABLE public."${'ü'.repeat(29)}_idx" (id int);
      ALTER TABLE public."${long}" ENABLE ROW LEVEL SECURITY;
      CREATE POLICY bad_policy ON public."${long}" USING ("Owner id" = auth.uid())`)
    const [finding] = await findingsOn(long)
    await run(finding as Finding, 'up')
    const { rows } = await owner.query<{ indexname: string }>(
      `SELECT indexname FROM pg_indexes WHERE tablename = $1`,
      [long],
    )
    expect(rows).toEqual([{ indexname: `${'ü'.repeat(29)}_idx1` }])
    expect(await findingsOn(long)).toEqual([])
  })

  it('gives the steps for a partitioned table', async () => {
    await owner.query(`CREATE TABLE public.parted (owner uuid, day date) PARTITION BY RANGE (day);
      ALTER TABLE public.parted ENABLE ROW LEVEL SECURITY;
      CREATE POLICY bad_policy ON public.parted USING (owner = auth.uid())`)
    const [finding] = await findingsOn('parted')
    expect(finding?.remedy.kind).toBe('runbook')
  })
})
