import fc from 'fast-check'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { proveEquivalence } from '../../../src/policies/proof/prove.ts'
import type { JudgedPolicy } from '../../../src/policies/read/recursion.ts'
import { newRecursion } from '../../../src/policies/read/recursion.ts'
import { listSelectReads } from '../../../src/catalog/selectReads.ts'
import { parseExpression } from '../../../src/syntax/expression.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { rewritesIn } from '../rewriting.ts'

const tables = ['a', 'b', 'c'] as const
const roles = [
  `loop_one_${Math.random().toString(36).slice(2)}`,
  `loop_two_${Math.random().toString(36).slice(2)}`,
]

let database: TestDatabase
let superuser: Client

beforeAll(async () => {
  database = await createDatabase()
  superuser = await database.connect()
  await superuser.query(`
    CREATE ROLE ${roles[0]}; CREATE ROLE ${roles[1]};
    CREATE SCHEMA auth; GRANT USAGE ON SCHEMA auth TO PUBLIC;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('app.sub', true), '')::uuid $$;
    ${tables.map((name) => `CREATE TABLE ${name} (id uuid); ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;`).join('')}
    CREATE VIEW owners_view AS SELECT * FROM c;
    CREATE VIEW callers_view WITH (security_invoker) AS SELECT * FROM c;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
    SET search_path = ''`)
})
afterAll(async () => {
  await superuser.query(`DROP OWNED BY ${roles.join(', ')}; DROP ROLE ${roles.join(', ')}`)
  await database.drop()
})

interface MadePolicy {
  table: (typeof tables)[number]
  command: 'ALL' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'
  role: string
  using: string
  check: string
}

const bare = 'id = auth.uid()'
const wrapped = 'id = (SELECT auth.uid())'

async function create(policies: MadePolicy[]): Promise<void> {
  for (const [index, { table, command, role, using, check }] of policies.entries()) {
    const clauses = [
      ...(command === 'INSERT' ? [] : [`USING (${using})`]),
      ...(['ALL', 'INSERT', 'UPDATE'].includes(command) ? [`WITH CHECK (${check})`] : []),
    ]
    await superuser.query(
      `CREATE POLICY p${index} ON public.${table} FOR ${command} TO ${role} ${clauses.join(' ')}`,
    )
  }
}

async function dropAll(): Promise<void> {
  const { rows } = await superuser.query<{ name: string; of: string }>(
    `SELECT polname AS name, polrelid::regclass::text AS of FROM pg_policy`,
  )
  for (const { name, of } of rows) await superuser.query(`DROP POLICY ${name} ON ${of}`)
}

/** Every command on every table as every role that ends with the error: `UPDATE of a as one`. */
async function recursions(): Promise<string[]> {
  const found: string[] = []
  for (const role of roles) {
    await superuser.query(`SET ROLE ${role}`)
    for (const table of tables) {
      const commands = {
        SELECT: `SELECT FROM public.${table}`,
        INSERT: `INSERT INTO public.${table} VALUES (NULL)`,
        UPDATE: `UPDATE public.${table} SET id = id`,
        DELETE: `DELETE FROM public.${table} WHERE id IS NULL`,
      }
      for (const [command, statement] of Object.entries(commands)) {
        const code = await superuser.query(`EXPLAIN ${statement}`).then(
          () => undefined,
          (error: { code?: string }) => error.code,
        )
        if (code === '42P17') found.push(`${command} of ${table} as ${role}`)
        else expect(code).toBeUndefined()
      }
    }
    await superuser.query('RESET ROLE')
  }
  return found
}

async function judged(of: string): Promise<JudgedPolicy[]> {
  const { rows } = await superuser.query<
    JudgedPolicy & { usingText: string | null; checkText: string | null }
  >(
    `SELECT polname::text AS name,
       CASE polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
         ELSE 'DELETE' END AS command,
       ARRAY(SELECT rolname::text FROM pg_roles r WHERE r.oid = ANY (polroles)) AS roles,
       pg_get_expr(polqual, polrelid) AS "usingText", pg_get_expr(polwithcheck, polrelid) AS "checkText"
     FROM pg_policy WHERE polrelid = $1::regclass ORDER BY polname`,
    [`public.${of}`],
  )
  return Promise.all(
    rows.map(async ({ usingText, checkText, ...policy }) => ({
      ...policy,
      using: usingText === null ? undefined : await parseExpression(usingText),
      check: checkText === null ? undefined : await parseExpression(checkText),
    })),
  )
}

const predicate = fc.oneof(
  { weight: 3, arbitrary: fc.constant(bare) },
  { weight: 1, arbitrary: fc.constantFrom('true', wrapped) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(...tables, 'owners_view', 'callers_view')
      .map((read) => `EXISTS (SELECT FROM public.${read} x WHERE x.id = auth.uid())`),
  },
)
const policy: fc.Arbitrary<MadePolicy> = fc.record({
  table: fc.constantFrom(...tables),
  command: fc.constantFrom('ALL', 'SELECT', 'SELECT', 'INSERT', 'UPDATE', 'DELETE'),
  role: fc.constantFrom('PUBLIC', ...roles),
  using: predicate,
  check: predicate,
})

describe('PostgreSQL and we agree', () => {
  it('on which sub-selects cause a new recursion', { timeout: 240_000 }, async () => {
    let loops = 0
    let fine = 0
    await fc.assert(
      fc.asyncProperty(fc.array(policy, { minLength: 2, maxLength: 6 }), async (policies) => {
        await dropAll()
        await create(policies)
        const before = await recursions()
        const reads = await listSelectReads(borrow(superuser))
        const allowed: string[] = []
        const added = async () => (await recursions()).filter((each) => !before.includes(each))
        for (const [index, { table, command, using, check }] of policies.entries()) {
          const clauses = [
            ...(using === bare && command !== 'INSERT' ? ['USING'] : []),
            ...(check === bare && ['ALL', 'INSERT', 'UPDATE'].includes(command) ? ['WITH CHECK'] : []),
          ]
          for (const clause of clauses) {
            const alter = `ALTER POLICY p${index} ON public.${table} ${clause}`
            const now = await judged(table)
            await superuser.query(`${alter} (${wrapped})`)
            const verdict = newRecursion({ schema: 'public', name: table }, now, await judged(table), reads)
            // What we let through never brings an error; that we refuse more than need be is allowed.
            if (verdict === undefined) expect(await added()).toEqual([])
            else if ((await added()).length > 0) loops += 1
            if (verdict === undefined) allowed.push(`${alter} (${wrapped})`)
            await superuser.query(`${alter} (${bare})`)
          }
        }
        for (const alter of allowed) await superuser.query(alter)
        expect(await added()).toEqual([])
        fine += allowed.length
      }),
      { numRuns: 400, seed: 4217 },
    )
    expect(Math.min(loops, fine)).toBeGreaterThan(10)
  })
})

describe('a policy for reading', () => {
  beforeEach(dropAll)

  const own: MadePolicy = { table: 'a', command: 'SELECT', role: 'PUBLIC', using: bare, check: 'true' }
  const reading = (read: string) => `EXISTS (SELECT FROM public.${read} x WHERE x.id = auth.uid())`

  it.each([
    ['its UPDATE policy', [{ ...own, command: 'UPDATE', using: reading('a') }]],
    ['the WITH CHECK of its UPDATE policy', [{ ...own, command: 'UPDATE', check: reading('a') }]],
    [
      'its DELETE policy, through another table',
      [
        { ...own, command: 'DELETE', using: reading('b') },
        { ...own, table: 'b', using: reading('a') },
      ],
    ],
    [
      'its INSERT policy, through a view',
      [
        { ...own, command: 'INSERT', check: reading('callers_view') },
        { ...own, table: 'c', using: reading('a') },
      ],
    ],
  ] as [string, MadePolicy[]][])('is left alone if the table is read by %s', async (_, others) => {
    await create([own, ...others])
    expect(await recursions()).toEqual([])
    const rewrite = (await rewritesIn(superuser, ['auth_rls_initplan'])).get('p0')
    expect(rewrite?.changes).toEqual([])
    expect(rewrite?.refusals.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('policy p1 reads public.a itself'),
    ])
    // By hand it is refused too, before it does harm.
    const report = await readOnly(superuser, () =>
      proveEquivalence(borrow(superuser), { schema: 'public', name: 'a' }, [
        { policy: 'p0', using: '(id = ( SELECT auth.uid() AS uid))', check: null },
      ]),
    )
    expect(report).toMatchObject({ outcome: 'different', differences: [{ after: '42P17' }] })
    await superuser.query(`ALTER POLICY p0 ON public.a USING (${wrapped})`)
    expect(await recursions()).not.toEqual([])
  })

  it('for ALL is left alone as well, though only its WITH CHECK could be rewritten', async () => {
    await create([
      { ...own, command: 'ALL', using: 'true', check: bare },
      { ...own, command: 'UPDATE', using: reading('a') },
    ])
    expect(await recursions()).toEqual([])
    const rewrite = (await rewritesIn(superuser, ['auth_rls_initplan'])).get('p0')
    expect([rewrite?.changes, rewrite?.refusals.length]).toEqual([[], 1])
    await superuser.query(`ALTER POLICY p0 ON public.a WITH CHECK (${wrapped})`)
    expect(await recursions()).not.toEqual([])
  })

  it("is rewritten if only other tables' policies read the table, or if the table fails already", async () => {
    await create([
      own,
      { ...own, table: 'b', command: 'UPDATE', using: reading('a') },
      { ...own, table: 'c', using: reading('a') },
    ])
    expect((await rewritesIn(superuser, ['auth_rls_initplan'])).get('p0')?.changes).toHaveLength(1)
  })
})
