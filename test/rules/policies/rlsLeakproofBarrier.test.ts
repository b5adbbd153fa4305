import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rlsLeakproofBarrier } from '../../../src/rules/policies/rlsLeakproofBarrier.ts'
import { createAuthPlatform } from '../../support/authPlatform.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findWith } from '../findWith.ts'

describe('rls_leakproof_barrier', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    await createAuthPlatform(await database.connect())
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TYPE public.state AS ENUM ('draft', 'sold');
      CREATE TABLE public.posts (id bigint PRIMARY KEY, owner_id uuid, state public.state, price numeric, title text, tags text[], search tsvector, day date);
      CREATE TABLE public.small (id bigint PRIMARY KEY, search tsvector); CREATE TABLE public.open (id bigint PRIMARY KEY, search tsvector);
      INSERT INTO public.posts SELECT n, md5(n::text)::uuid, 'draft', n, 'title ' || n, ARRAY['a'], to_tsvector('english', 'title ' || n) FROM generate_series(1, 20000) n;
      CREATE INDEX bad_state ON public.posts (state); CREATE INDEX bad_price ON public.posts (price);
      CREATE INDEX bad_search ON public.posts USING gin (search); CREATE INDEX bad_tags ON public.posts USING gin (tags);
      CREATE INDEX good_title ON public.posts (title); CREATE INDEX good_owner ON public.posts (owner_id);
      CREATE INDEX good_day ON public.posts (day); CREATE INDEX good_day_owner ON public.posts (day, owner_id);
      CREATE INDEX price_owner ON public.posts (price, owner_id);
      CREATE INDEX told_search ON public.small USING gin (search); CREATE INDEX good_open ON public.open USING gin (search);
      ALTER TABLE public.posts ENABLE ROW LEVEL SECURITY; ALTER TABLE public.small ENABLE ROW LEVEL SECURITY;
      CREATE POLICY own ON public.posts FOR SELECT TO authenticated USING (owner_id = (SELECT auth.uid()));
      CREATE POLICY positive ON public.small FOR SELECT TO authenticated USING (id > 0)`)
    await owner.query('ANALYZE public.posts; ANALYZE public.small')
  })
  afterAll(() => database.drop())

  it('finds indexes that the owner’s queries use and those of a role cannot', async () => {
    const found = await findWith(owner, rlsLeakproofBarrier, ['public'])
    expect(found.map(({ level, subject }) => `${level} ${subject.at(-1)}`).sort()).toEqual([
      'info told_search',
      'warn bad_price',
      'warn bad_search',
      'warn bad_state',
      'warn bad_tags',
    ])
  })

  it('tells of several indexes that start with the same column once', async () => {
    const found = await findWith(owner, rlsLeakproofBarrier, ['public'])
    expect(found.find(({ subject }) => subject.at(-1) === 'bad_price')?.detail).toContain(
      'cannot use bad_price, price_owner:',
    )
  })

  it('is right: with enough rows to choose from, the role reads them all', async () => {
    const plan = async (): Promise<string> =>
      JSON.stringify(
        (
          await owner.query(
            `EXPLAIN (FORMAT JSON) SELECT id FROM public.posts WHERE search @@ to_tsquery('lamp')`,
          )
        ).rows,
      )
    expect(await plan()).toContain('bad_search')
    await owner.query(`BEGIN; SET LOCAL ROLE authenticated; SET LOCAL enable_seqscan = off`)
    expect(await plan()).not.toContain('bad_search')
    await owner.query('ROLLBACK')
  })
})
