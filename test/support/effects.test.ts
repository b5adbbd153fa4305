import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestDatabase } from './database.ts'
import { createDatabase } from './database.ts'
import type { Effects } from './effects.ts'
import { effectsOn } from './effects.ts'

const table = { schema: 'public', name: 'notes' }

describe('effectsOn', () => {
  let database: TestDatabase
  let client: Client

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
  })
  afterAll(() => database.drop())

  const effects = (): Promise<Effects> =>
    effectsOn(client, table, { role: 'authenticated', settings: { 'app.owner': 'a' } })

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
})
