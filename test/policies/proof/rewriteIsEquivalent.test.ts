import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Verdict } from '../../../src/conditions/condition.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { checkConditions } from '../../../src/migrate/checkConditions.ts'
import type { ProofOptions } from '../../../src/policies/proof/prove.ts'
import { proveEquivalence } from '../../../src/policies/proof/prove.ts'
import type { EquivalenceReport } from '../../../src/policies/proof/report.ts'
import type { PolicyRewrite } from '../../../src/policies/proof/rewritten.ts'
import { rewriteIsEquivalent } from '../../../src/policies/proof/rewriteIsEquivalent.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import type { Rewrite } from '../workspace.ts'
import {
  asRewrite,
  clearPolicies,
  makeWorkspace,
  policyName,
  rightRewrites,
  setPolicy,
} from '../workspace.ts'

const documents = { schema: 'public', name: 'documents' }

let database: TestDatabase
let superuser: Client
let owner: Client

beforeAll(async () => {
  database = await createDatabase()
  superuser = await database.connect()
  await makeWorkspace(superuser)
  owner = await database.connect(database.ownerUrl)
})
afterAll(() => database.drop())

async function prove(
  rewrites: PolicyRewrite[],
  options: ProofOptions & { client?: Client; table?: { schema: string; name: string } } = {},
): Promise<EquivalenceReport> {
  const { client = owner, table = documents, ...rest } = options
  return readOnly(client, () => proveEquivalence(borrow(client), table, rewrites, rest))
}

/** Sets the policy and compares it with what it is to be. */
async function compare(
  policy: string,
  using: string | null,
  options: ProofOptions & { check?: string | null } = {},
): Promise<EquivalenceReport> {
  await setPolicy(owner, { policy })
  const { check = null, ...rest } = options
  return prove([{ policy: policyName, using, check }], rest)
}

async function check(rewrites: PolicyRewrite[], options?: ProofOptions): Promise<Verdict> {
  return readOnly(owner, () => rewriteIsEquivalent(documents, rewrites, options).check(borrow(owner)))
}

async function setPolicies(...policies: string[]): Promise<void> {
  await clearPolicies(owner)
  for (const [index, policy] of policies.entries())
    await owner.query(`CREATE POLICY p${index + 1} ON public.documents ${policy}`)
}

it('names five policies of many, in its description and in what it finds', async () => {
  const names = Array.from({ length: 16 }, (_, at) => `no such ${at + 1}`)
  const condition = rewriteIsEquivalent(
    documents,
    names.map((policy) => ({ policy, using: 'true', check: null })),
  )
  const five = '"no such 1", "no such 2", "no such 3", "no such 4", "no such 5" and 11 more'
  expect(condition.description).toBe(`rewriting ${five} on public.documents changes no row for anybody`)
  expect(await readOnly(owner, () => condition.check(borrow(owner)))).toMatchObject({
    actual: expect.stringContaining(`there is no policy ${five}`) as string,
  })
})

describe('a right rewrite', () => {
  it.each(rightRewrites)('passes for the owner, who is no superuser: $name', async (rewrite) => {
    await setPolicy(owner, rewrite)
    const report = await prove([asRewrite(rewrite)], { budgetMs: 30_000 })
    expect(report).toMatchObject({ outcome: 'equivalent', differences: [], reasons: [] })
    expect(report.coverage.identities.length).toBeGreaterThan(4)
  })

  it('passes inside the transaction of a migration, and leaves every setting as it was', async () => {
    const [rewrite] = rightRewrites as [Rewrite]
    await setPolicy(owner, rewrite)
    const settings = `SELECT current_user, current_setting('search_path') AS path,
      current_setting('request.jwt.claims', true) AS claims, current_setting('statement_timeout') AS timeout`
    await owner.query('BEGIN')
    try {
      const before = (await owner.query(settings)).rows
      const condition = rewriteIsEquivalent(documents, [asRewrite(rewrite)])
      expect(await checkConditions(owner, [condition], 'before')).toMatchObject([{ holds: true }])
      expect((await owner.query(settings)).rows).toEqual([{ ...before[0], claims: '' }])
      // What the rows were read with is given back too: ALTER POLICY comes next.
      const { rows: locks } = await owner.query(
        `SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'public.documents'::regclass`,
      )
      expect(locks).toEqual([])
    } finally {
      await owner.query('ROLLBACK')
    }
  })

  it('holds after the rewrite was applied, without a comparison', async () => {
    await setPolicy(owner, { policy: 'USING (owner_id = (SELECT auth.uid()))' })
    const report = await prove([
      { policy: policyName, using: '(owner_id = ( SELECT auth.uid() AS uid))', check: null },
    ])
    expect(report).toMatchObject({ outcome: 'equivalent', coverage: { asked: 0 } })
  })

  it('may drop an exact duplicate', async () => {
    await setPolicies(
      'FOR SELECT TO authenticated USING (owner_id = auth.uid())',
      'FOR SELECT TO authenticated USING (owner_id = (SELECT auth.uid()))',
    )
    const rewrites: PolicyRewrite[] = [{ policy: 'p1', dropped: true }]
    expect(await prove(rewrites)).toMatchObject({ outcome: 'equivalent', byStructure: true })
    await owner.query('DROP POLICY p1 ON documents')
    expect(await prove(rewrites)).toMatchObject({ outcome: 'equivalent' })
  })

  it('may merge two permissive policies for the same command', async () => {
    await setPolicies(
      'FOR SELECT TO authenticated USING (owner_id = auth.uid())',
      'FOR SELECT TO authenticated USING (editor_id = auth.uid())',
    )
    const merged = '((owner_id = ( SELECT auth.uid() AS uid)) OR (editor_id = ( SELECT auth.uid() AS uid)))'
    const rewrites: PolicyRewrite[] = [
      { policy: 'p1', using: merged, check: null },
      { policy: 'p2', dropped: true },
    ]
    const report = await prove(rewrites)
    expect(report).toMatchObject({ outcome: 'equivalent', byStructure: false, reasons: [] })
  })

  it('passes for a role that may only read and may act as no other role, and says so', async () => {
    const role = `reader_${database.name}`
    await superuser.query(`CREATE ROLE ${role} LOGIN PASSWORD 'reader'; GRANT USAGE ON SCHEMA public, auth TO ${role};
      GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'reader'
    const reader = await database.connect(url.href)
    try {
      await setPolicy(owner, { policy: 'FOR SELECT TO authenticated USING (owner_id = auth.uid())' })
      const report = await prove(
        [{ policy: policyName, using: '(owner_id = ( SELECT auth.uid() AS uid))', check: null }],
        { client: reader },
      )
      expect(report).toMatchObject({ outcome: 'equivalent', byStructure: true })
      expect(report.notes.join()).toContain('may not act as authenticated')
    } finally {
      await reader.end()
      await superuser.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })
})

describe('a wrong rewrite', () => {
  it('is caught with the role, the identity and the row', async () => {
    await setPolicy(owner, {
      policy: 'FOR SELECT TO authenticated USING (owner_id = auth.uid() AND NOT is_locked)',
    })
    const verdict = await check([
      { policy: policyName, using: '(owner_id = ( SELECT auth.uid() AS uid))', check: null },
    ])
    expect(verdict).toMatchObject({ holds: false, expected: 'the same rows for everybody' })
    expect(verdict).toHaveProperty(
      'actual',
      expect.stringMatching(
        /^row .*"id": ?\d+.* is gained for authenticated .*"sub".* \(policy "the policy", USING for SELECT\)/,
      ),
    )
  })

  it('is caught where rows are lost', async () => {
    const report = await compare(
      `FOR SELECT TO authenticated USING (owner_id = auth.uid() OR status = 'published')`,
      '(owner_id = ( SELECT auth.uid() AS uid))',
    )
    expect(report.outcome).toBe('different')
    expect(report.differences[0]).toMatchObject({ effect: 'lost', role: 'authenticated' })
  })

  it('is caught where a membership under NOT may be NULL', async () => {
    const report = await compare(
      'FOR SELECT TO authenticated USING (NOT is_member(team_id))',
      '(NOT (team_id = ANY (ARRAY( SELECT public.team_ids() AS team_ids))))',
    )
    expect(report.outcome).toBe('different')
  })

  it('is caught where a VOLATILE quota would be called once', async () => {
    const report = await compare(
      'FOR INSERT TO authenticated WITH CHECK (owner_id = auth.uid() AND quota_left())',
      null,
      { check: '((owner_id = ( SELECT auth.uid() AS uid)) AND ( SELECT public.quota_left() AS quota_left))' },
    )
    expect(report.outcome).toBe('not shown')
    expect(report.reasons.join()).toContain('quota_left() is VOLATILE')
  })

  it('is caught where a FOR ALL policy replaces one FOR SELECT', async () => {
    await setPolicies(
      'FOR ALL TO authenticated USING (owner_id = auth.uid())',
      'FOR SELECT TO authenticated USING (editor_id = auth.uid())',
    )
    const merged = '((owner_id = ( SELECT auth.uid() AS uid)) OR (editor_id = ( SELECT auth.uid() AS uid)))'
    const report = await prove([
      { policy: 'p1', using: merged, check: null },
      { policy: 'p2', dropped: true },
    ])
    expect(report.outcome).toBe('different')
    expect(new Set(report.differences.map(({ question }) => question))).toContain('DELETE')
    expect(report.differences.every(({ effect }) => effect === 'gained')).toBe(true)
  })

  it('is caught where the dropped policy is no duplicate: other roles, or another command', async () => {
    await setPolicies(
      'FOR SELECT TO authenticated USING (owner_id = auth.uid())',
      'FOR SELECT TO public USING (owner_id = auth.uid())',
    )
    expect(await prove([{ policy: 'p2', dropped: true }])).toMatchObject({ outcome: 'different' })
    await setPolicies(
      'FOR SELECT TO authenticated USING (owner_id = auth.uid())',
      'FOR ALL TO authenticated USING (owner_id = auth.uid())',
    )
    expect(await prove([{ policy: 'p2', dropped: true }])).toMatchObject({ outcome: 'different' })
  })

  it('is caught where the roles are narrowed', async () => {
    await setPolicy(owner, { policy: `FOR SELECT USING (status = 'published')` })
    const report = await prove([{ policy: policyName, using: null, check: null, roles: ['authenticated'] }])
    expect(report.outcome).toBe('different')
    expect(report.differences[0]).toMatchObject({ role: 'anon', effect: 'lost' })
  })

  it('is caught where a restrictive policy lets more pass', async () => {
    await setPolicy(owner, { policy: 'USING (NOT is_locked)', isRestrictive: true })
    const report = await prove([{ policy: policyName, using: '(is_locked IS NOT NULL)', check: null }])
    expect(report).toMatchObject({ outcome: 'different' })
  })

  it('is caught where the difference depends only on what the identity sees in other tables', async () => {
    await owner.query(`ALTER POLICY "teams are for all" ON teams USING (owner_id = (SELECT auth.uid()))`)
    try {
      const report = await compare(
        'FOR SELECT TO authenticated USING (EXISTS (SELECT FROM teams t WHERE t.id = team_id))',
        '(team_id = ANY (ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))',
      )
      expect(report.outcome).toBe('different')
    } finally {
      await owner.query(`ALTER POLICY "teams are for all" ON teams USING (true)`)
    }
  })

  it('is caught where it fails with an error, and the other way round', async () => {
    const failing = `((1 / (length(kind) - 4)) > 0)`
    expect(await compare('FOR SELECT USING (kind IS NOT NULL)', failing)).toMatchObject({
      outcome: 'different',
    })
    expect(await compare(`FOR SELECT USING ${failing}`, '(kind IS NOT NULL)')).toMatchObject({
      outcome: 'different',
    })
  })
})

describe('what cannot be proven', () => {
  it('fails for a policy that does not exist, and for a table that does not', async () => {
    await clearPolicies(owner)
    expect(await prove([{ policy: 'no such', using: 'true', check: null }])).toMatchObject({
      outcome: 'not shown',
      reasons: ['there is no policy "no such"'],
    })
    const table = { schema: 'public', name: 'no_such_table' }
    await expect(prove([], { table })).rejects.toThrow('There is no table public.no_such_table.')
  })

  it('fails where a predicate is never seen true, with what to do', async () => {
    const report = await compare(
      `FOR SELECT USING (auth.jwt() ->> 'secret' = md5('x' || (SELECT 'y')))`,
      `CASE WHEN ((auth.jwt() ->> 'secret'::text) = md5(('x'::text || ( SELECT 'y'::text)))) THEN true ELSE false END`,
    )
    expect(report.outcome).toBe('not shown')
    expect(report.reasons.join()).toMatch(/seen only false for everybody .* with the option identities/)
  })

  it('is proven with an identity that the option names', async () => {
    const { rows } = await owner.query<{ secret: string }>(`SELECT md5('xy') AS secret`)
    const identities = [{ role: 'anon', claims: { secret: rows[0]?.secret } }]
    const report = await compare(
      `FOR SELECT USING (auth.jwt() ->> 'secret' = md5('x' || (SELECT 'y')))`,
      `CASE WHEN ((auth.jwt() ->> 'secret'::text) = md5(('x'::text || ( SELECT 'y'::text)))) THEN true ELSE false END`,
      { identities },
    )
    expect(report.reasons.join()).not.toContain('seen only')
  })

  it.each([0.5, 0.1, 0.9])('does not report random() < %d as a difference', async (part) => {
    for (let time = 0; time < 10; time += 1) {
      const report = await compare(
        `FOR SELECT USING (owner_id = auth.uid() AND random() < ${part})`,
        `((owner_id = ( SELECT auth.uid() AS uid)) AND (random() < (${part})::double precision))`,
      )
      expect(report).toMatchObject({ outcome: 'equivalent', byStructure: true, differences: [] })
    }
  })

  it('reports a difference beside a call of random()', async () => {
    const report = await compare(
      'FOR SELECT USING (owner_id = auth.uid() AND random() >= 0)',
      '((owner_id <> ( SELECT auth.uid() AS uid)) AND (random() >= (0)::double precision))',
    )
    expect(report.outcome).toBe('different')
  })

  it('reports what was covered when the time is over, and stays within the time', async () => {
    await owner.query(`CREATE OR REPLACE FUNCTION slow(id int) RETURNS boolean LANGUAGE plpgsql STABLE AS
      $$ BEGIN PERFORM pg_sleep(0.02); RETURN id % 2 = 0; END $$`)
    const started = performance.now()
    const report = await compare('FOR SELECT USING (slow(id))', '(slow(id) IS TRUE)', { budgetMs: 1500 })
    expect(report.coverage.isCutShort).toBe(true)
    expect(report.coverage.asked).toBeGreaterThan(0)
    expect(report.coverage.asked).toBeLessThan(report.coverage.of)
    expect(report.coverage.ms).toBeLessThan(1500 * 1.2)
    expect(performance.now() - started).toBeLessThan(2500)
  })

  it('ends at once when somebody cancels it', async () => {
    await setPolicy(owner, { policy: 'FOR SELECT USING (slow(id))' })
    const { rows } = await owner.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const proof = prove([{ policy: policyName, using: '(slow(id) IS TRUE)', check: null }], {
      budgetMs: 20_000,
    })
    let hasEnded = false
    const cancelled = expect(proof.finally(() => (hasEnded = true))).rejects.toMatchObject({ code: '57014' })
    await new Promise((resolve) => setTimeout(resolve, 700))
    // One that arrives between two statements cancels neither.
    while (!hasEnded) {
      await superuser.query('SELECT pg_cancel_backend($1)', [rows[0]?.pid])
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await cancelled
  })
})

describe('a table without rows', () => {
  const notes = { schema: 'public', name: 'notes' }
  beforeAll(async () => {
    await owner.query(`
      CREATE TABLE notes (id int PRIMARY KEY, owner_id uuid, team_id int, label text);
      ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
      GRANT SELECT ON notes TO authenticated`)
  })

  it('is asked about made-up rows', async () => {
    await owner.query('CREATE POLICY own ON notes TO authenticated USING (owner_id = auth.uid())')
    const report = await prove(
      [{ policy: 'own', using: '(owner_id = ( SELECT auth.uid() AS uid))', check: null }],
      {
        table: notes,
      },
    )
    expect(report).toMatchObject({ outcome: 'equivalent', coverage: { rows: 0 } })
    expect(report.coverage.madeUpRows).toBeGreaterThan(0)
    expect(report.notes).toEqual([])
  })

  it('shows the membership of others whose table has rows', async () => {
    await owner.query('CREATE POLICY team ON notes TO authenticated USING (is_member(team_id))')
    const right = '(team_id IN ( SELECT public.team_ids() AS team_ids))'
    expect(await prove([{ policy: 'team', using: right, check: null }], { table: notes })).toMatchObject({
      outcome: 'equivalent',
    })
    const wrong =
      '(team_id IN ( SELECT m.team_id FROM team_members m WHERE m.user_id = ( SELECT auth.uid() AS uid)))'
    expect(
      await prove(
        [{ policy: 'team', using: wrong.replace('team_members', 'public.team_members'), check: null }],
        {
          table: notes,
        },
      ),
    ).toMatchObject({ outcome: 'different' })
  })
})

describe('a table of an unusual kind', () => {
  const wrapped = '(owner_id = ( SELECT auth.uid() AS uid))'
  const own = 'TO authenticated USING (owner_id = auth.uid())'
  const fill = `SELECT n, md5('user ' || n % 20)::uuid FROM generate_series(1, 200) n`

  it.each([
    ['quotes and spaces', `a "b" c's`],
    ['63 bytes', 'x'.repeat(63)],
    ['other letters', 'größe_日本'],
    ['a reserved word', 'select'],
  ])('may have a name of %s', async (_, name) => {
    const quoted = `"${name.replaceAll('"', '""')}"`
    await owner.query(`CREATE TABLE ${quoted} ("I d" int PRIMARY KEY, ${quoted} uuid);
      INSERT INTO ${quoted} ${fill};
      ALTER TABLE ${quoted} ENABLE ROW LEVEL SECURITY;
      GRANT SELECT ON ${quoted} TO authenticated;
      CREATE POLICY ${quoted} ON ${quoted} TO authenticated USING (${quoted} = auth.uid())`)
    const table = { schema: 'public', name }
    const rewrite = (text: string): PolicyRewrite[] => [{ policy: name, using: text, check: null }]
    expect(await prove(rewrite(`(${quoted} = ( SELECT auth.uid() AS uid))`), { table })).toMatchObject({
      outcome: 'equivalent',
      notes: [],
    })
    expect(await prove(rewrite(`(${quoted} IS NOT NULL)`), { table })).toMatchObject({ outcome: 'different' })
  })

  it('may be partitioned, or a partition', async () => {
    await owner.query(`CREATE TABLE events (id int, owner_id uuid) PARTITION BY RANGE (id);
      CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100);
      CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (100) TO (1000);
      INSERT INTO events ${fill};
      GRANT SELECT ON events, events_1 TO authenticated`)
    for (const name of ['events', 'events_1']) {
      await owner.query(`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON ${name} ${own}`)
      const table = { schema: 'public', name }
      expect(await prove([{ policy: 'own', using: wrapped, check: null }], { table })).toMatchObject({
        outcome: 'equivalent',
        notes: [],
      })
      expect(
        await prove([{ policy: 'own', using: '(owner_id IS NOT NULL)', check: null }], { table }),
      ).toMatchObject({
        outcome: 'different',
      })
    }
  })

  it('may force its policies on its owner', async () => {
    await owner.query('ALTER TABLE documents FORCE ROW LEVEL SECURITY')
    try {
      const report = await compare('FOR SELECT TO authenticated USING (owner_id = auth.uid())', wrapped)
      expect(report).toMatchObject({ outcome: 'equivalent' })
      expect(
        await compare('FOR SELECT TO authenticated USING (owner_id = auth.uid())', 'true'),
      ).toMatchObject({
        outcome: 'different',
      })
    } finally {
      await owner.query('ALTER TABLE documents NO FORCE ROW LEVEL SECURITY')
    }
  })

  it('may have policies that fail both before and after', async () => {
    await owner.query(`CREATE TABLE loops (id int PRIMARY KEY, owner_id uuid);
      INSERT INTO loops ${fill};
      ALTER TABLE loops ENABLE ROW LEVEL SECURITY; GRANT SELECT ON loops TO authenticated;
      CREATE POLICY own ON loops TO authenticated
        USING (owner_id = auth.uid() AND EXISTS (SELECT FROM loops l WHERE l.id = loops.id))`)
    const table = { schema: 'public', name: 'loops' }
    const same =
      '((owner_id = ( SELECT auth.uid() AS uid)) AND (EXISTS ( SELECT\n   FROM public.loops l\n  WHERE (l.id = loops.id))))'
    const report = await prove([{ policy: 'own', using: same, check: null }], { table })
    expect(report).toMatchObject({ outcome: 'equivalent', byStructure: true })
    expect(report.notes.join()).toContain('42P17')
    expect(await prove([{ policy: 'own', using: wrapped, check: null }], { table })).toMatchObject({
      outcome: 'different',
      differences: expect.arrayContaining([expect.objectContaining({ effect: 'failed before' })]) as unknown,
    })
  })
})
