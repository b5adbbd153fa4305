import type { Client } from 'pg'
import { escapeLiteral as literal } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestDatabase } from './database.ts'
import { createDatabase } from './database.ts'
import type { Effects, Identity, Target } from './effects.ts'
import { effectsOn, readTarget } from './effects.ts'

const table = { schema: 'public', name: 'notes' }

describe('effectsOn', () => {
  let database: TestDatabase
  let client: Client
  let target: Target

  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
    client = await database.connect()
    await client.query(`
      CREATE TABLE public.notes (id int PRIMARY KEY, owner text, done boolean NOT NULL);
      INSERT INTO public.notes SELECT n, (ARRAY['a', 'b', NULL])[n % 3 + 1], n % 2 = 0 FROM generate_series(1, 12) n;
      GRANT ALL ON public.notes TO authenticated;
      ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;
      CREATE POLICY reading ON public.notes FOR SELECT USING (owner = current_setting('app.owner', true));
      CREATE POLICY adding ON public.notes FOR INSERT WITH CHECK (owner = current_setting('app.owner', true));
      CREATE POLICY changing ON public.notes FOR UPDATE USING (NOT done) WITH CHECK (owner IS NOT NULL);
      CREATE POLICY removing ON public.notes FOR DELETE USING (done)`)
    target = await readTarget(client, table)
  })
  afterAll(() => database.drop())

  const effects = (): Promise<Effects> =>
    effectsOn(client, target, { role: 'authenticated', settings: { 'app.owner': 'a' } })

  it('lists the rows that are seen, changed and deleted, and the candidates that are let in', async () => {
    const found = await effects()
    expect(found['select']).toBe('(12,a,t)\n(3,a,f)\n(6,a,t)\n(9,a,f)')
    expect(found['select for update']).toBe('2')
    expect(found['update']).toBe('(3,a,f)\n(9,a,f)')
    expect(found['delete']?.split('\n')).toHaveLength(6)
    expect(found['insert each']?.match(/23505/g)).toHaveLength(4)
    expect(found['insert each']?.match(/42501/g)).toHaveLength(10)
  })

  it.each([
    ['select', `ALTER POLICY reading ON public.notes USING (owner = 'b')`],
    ['select for update', `ALTER POLICY changing ON public.notes USING (true)`],
    ['update', `ALTER POLICY changing ON public.notes USING (NOT done AND id > 3)`],
    ['update blindly', `ALTER POLICY changing ON public.notes USING (NOT done AND owner IS NOT NULL)`],
    ['delete', `ALTER POLICY removing ON public.notes USING (done OR id = 3)`],
    ['insert each', `ALTER POLICY adding ON public.notes WITH CHECK (owner IS NULL)`],
    ['update each', `ALTER POLICY changing ON public.notes WITH CHECK (owner = 'b')`],
  ])('notices by %s that %s', async (command, change) => {
    const before = await effects()
    const policies = await client.query(
      `SELECT format('ALTER POLICY %I ON public.notes', polname)
          || coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '')
          || coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '') AS sql
       FROM pg_policy WHERE polrelid = 'public.notes'::regclass`,
    )
    await client.query(change)
    const after = await effects()
    for (const { sql } of policies.rows as { sql: string }[]) await client.query(sql)
    expect(after[command]).not.toBe(before[command])
    expect(await effects()).toEqual(before)
  })

  it('runs each command as if it came alone, whatever became of the one before', async () => {
    const raising: Record<string, string> = {
      reading: `USING (1 / (id - 5) > -9 AND current_user = 'authenticated')`,
      adding: `WITH CHECK (id % 3 = 0 AND set_config('app.owner', 'x', true) = 'x' AND (id <> 6 OR 1 / (id - 6) > 0))`,
      changing: `USING (set_config('app.owner', owner || owner, false) = 'bb') WITH CHECK (length(owner) = id % 2)`,
      removing: `USING (current_setting('app.owner') = 'a' AND current_setting('request.jwt.claim.sub') = owner)`,
    }
    const identity: Identity = {
      role: 'authenticated',
      claims: { sub: 'a' },
      settings: { 'app.owner': 'a' },
      prepares: 'CREATE TEMPORARY TABLE mine AS SELECT 1 AS id; SET LOCAL app.prepared = 1',
    }
    await client.query('BEGIN')
    for (const [policy, predicates] of Object.entries(raising))
      await client.query(`ALTER POLICY ${policy} ON public.notes ${predicates}`)
    await client.query('COMMIT')
    const found = await effectsOn(client, target, identity)

    const seen = `SELECT string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C") AS found FROM public.notes t`
    const all = ['RESET ROLE', seen]
    expect(found['select']).toBe(await alone(client, identity, [seen]))
    expect(found['select']).toMatch(/^22012: /)
    expect(found['delete']).toBe(await alone(client, identity, ['DELETE FROM public.notes', ...all]))
    expect(found['delete']?.split('\n')).toHaveLength(8)
    const update = 'UPDATE public.notes SET id = id'
    const touched = ['RESET ROLE', `${seen} WHERE xmin = pg_current_xact_id()::xid`]
    expect(found['update']).toBe(await alone(client, identity, [update, ...touched]))
    const each: string[] = []
    for (const row of [...target.offered, ...withNulls(target.offered[0])]) {
      const insert = `INSERT INTO public.notes SELECT (jsonb_populate_record(NULL::public.notes, ${literal(row)})).*`
      const outcome = await alone(client, identity, [insert, 'RESET ROLE', `SELECT '1' AS found`])
      each.push(outcome.replace(/: .*/, ''))
    }
    expect(found['insert each']).toBe(`"public"."notes": ${each.join(' ')}`)
    expect(new Set(each)).toEqual(new Set(['23505', '42501', '22012']))
    expect(await client.query('SELECT current_user, to_regclass($1) AS mine', ['mine'])).toMatchObject({
      rows: [{ current_user: 'postgres', mine: null }],
    })
  })

  it('ends a command that takes too long, and no other', async () => {
    await client.query(`
      ALTER POLICY reading ON public.notes USING (owner = 'a');
      ALTER POLICY changing ON public.notes USING (true) WITH CHECK (true);
      ALTER POLICY adding ON public.notes WITH CHECK (true);
      ALTER POLICY removing ON public.notes USING (pg_sleep(600) IS NULL)`)
    const found = await effectsOn(client, target, { role: 'authenticated' }, { timeoutMs: 3000 })
    expect(found['delete']).toMatch(/^57014: /)
    expect(found['select']?.split('\n')).toHaveLength(4)
    expect(found['select for update']).toBe('4')
  })
})

/** What the last statement finds in a transaction of its own, or the error. */
async function alone(client: Client, identity: Identity, statements: string[]): Promise<string> {
  await client.query('BEGIN')
  try {
    await client.query(
      `SELECT set_config('request.jwt.claim.sub', 'a', true), set_config('app.owner', 'a', true)`,
    )
    await client.query(`SET LOCAL ROLE ${identity.role}`)
    await client.query(identity.prepares ?? '')
    let found = ''
    for (const statement of statements) {
      const { rows } = await client.query<{ found: string | null }>(statement)
      found = rows[0]?.found ?? ''
    }
    return found
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`
  } finally {
    await client.query('ROLLBACK')
  }
}

/** The first row, without an owner, and without being done or not. */
function withNulls(row = '{}'): string[] {
  const first = JSON.parse(row) as object
  return [JSON.stringify({ ...first, owner: null }), JSON.stringify({ ...first, done: null })]
}
