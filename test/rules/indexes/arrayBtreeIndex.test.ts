import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { arrayBtreeIndex } from '../../../src/rules/indexes/arrayBtreeIndex.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, settleCounters, subjectsOf } from '../look.ts'

describe('array_btree_index', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE posts (id int PRIMARY KEY, "Tags" text[], words text[], paths int[], title text);
      INSERT INTO posts SELECT i, ARRAY['t' || i], ARRAY['w' || i], ARRAY[i], 'x' FROM generate_series(1, 2000) i;
      CREATE INDEX "bad idx" ON posts ("Tags");
      CREATE INDEX bad_used ON posts (words, id);
      CREATE INDEX good_gin ON posts USING gin (words);
      CREATE INDEX good_second ON posts (title, words);
      CREATE INDEX good_expression ON posts (cardinality(words));
      CREATE UNIQUE INDEX good_unique ON posts (paths);
      CREATE INDEX good_twin ON posts ("Tags");
      CREATE TABLE routes (path int[] REFERENCES posts (paths));
      CREATE INDEX good_foreign_key ON routes (path);
      CREATE TABLE parts (day int, tags int[]) PARTITION BY RANGE (day);
      CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10);
      CREATE INDEX bad_parts ON parts (tags);
      ANALYZE;
    `)
    await owner.query(`SET enable_seqscan = off; SET enable_bitmapscan = off`)
    await owner.query(`SELECT FROM posts WHERE words = ARRAY['w7']`)
    await owner.query(`RESET enable_seqscan; RESET enable_bitmapscan`)
    await settleCounters(owner)
  })
  afterAll(() => database.drop())

  it('finds B-trees that begin with an array, and none that a key needs or that another rule drops', async () => {
    expect(await subjectsOf(owner, arrayBtreeIndex)).toEqual([
      'public."bad idx"',
      'public.bad_parts',
      'public.bad_used',
    ])
  })

  it('warns of one that nobody scanned, and only notes one that was scanned for whole arrays', async () => {
    const unused = await findingAbout(owner, arrayBtreeIndex, 'public', 'bad idx')
    expect([unused.level, unused.detail]).toEqual(['warn', expect.not.stringMatching(/scanned/)])
    const used = await findingAbout(owner, arrayBtreeIndex, 'public', 'bad_used')
    expect([used.level, used.detail]).toEqual(['info', expect.stringMatching(/scanned 1 times/)])
  })

  it('says of searches what the planner does with the B-tree and with the GIN index of its second step', async () => {
    const plan = async (condition: string): Promise<string> => {
      const { rows } = await owner.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (COSTS OFF) SELECT FROM posts WHERE ${condition}`,
      )
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    }
    const byElement = [`"Tags" @> ARRAY['t7']`, `"Tags" && ARRAY['t7']`]
    const byAny = `'t7' = ANY ("Tags")`
    await owner.query(`SET enable_seqscan = off`)
    for (const condition of [...byElement, byAny]) expect(await plan(condition)).not.toMatch(/Index Cond/)

    const { remedy } = await findingAbout(owner, arrayBtreeIndex, 'public', 'bad idx')
    const create = remedy.kind === 'runbook' ? (remedy.steps[1] ?? '') : ''
    expect(create).toMatch(/^CREATE INDEX CONCURRENTLY/)
    await owner.query(create)
    for (const condition of byElement) expect(await plan(condition)).toMatch(/Index Scan on "?posts_Tags_idx/)
    expect(await plan(byAny)).not.toMatch(/Index Cond/)
    await owner.query(`RESET enable_seqscan`)
  })
})
