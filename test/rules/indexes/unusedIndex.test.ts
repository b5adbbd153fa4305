import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unusedIndex, unusedIndexAfter } from '../../../src/rules/indexes/unusedIndex.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, look, subjectsOf, settleCounters } from '../look.ts'

describe('unused_index', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE busy (
        id int PRIMARY KEY, parent_id int REFERENCES parent, a int, b text, c int, d int, e int, f int NOT NULL);
      CREATE INDEX bad_idx ON busy USING gin (to_tsvector('simple', b)) WITH (fastupdate = off);
      CREATE INDEX good_foreign_key ON busy (parent_id);
      CREATE INDEX good_used ON busy (a);
      CREATE UNIQUE INDEX good_unique ON busy (c);
      CREATE INDEX good_clustered ON busy (d);
      ALTER TABLE busy CLUSTER ON good_clustered;
      CREATE INDEX good_takes_over ON busy (e, a);
      CREATE INDEX said_elsewhere ON busy (e);
      CREATE UNIQUE INDEX good_identity ON busy (f);
      ALTER TABLE busy REPLICA IDENTITY USING INDEX good_identity;
      CREATE TABLE idle (a int);
      CREATE INDEX good_idle ON idle (a);
      CREATE TABLE parts (a int) PARTITION BY RANGE (a);
      CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000000);
      CREATE INDEX good_parts ON parts (a);
      INSERT INTO parent SELECT generate_series(1, 500);
      INSERT INTO busy SELECT i, i, i, 'word ' || i, i, i, i, i FROM generate_series(1, 500) i;
      INSERT INTO parts SELECT generate_series(1, 500);
      ANALYZE;
      SET enable_seqscan = off;
    `)
    await owner.query(`SELECT FROM busy WHERE a = 7`)
    await settleCounters(owner)
  })
  afterAll(() => database.drop())

  it('says that it cannot know before the statistics are 35 days old', async () => {
    expect((await look(owner, unusedIndex)).skipped).toMatch(/statistics are 0\.0 days old/)
  })

  it('finds indexes that nobody used and nobody needs, and no others', async () => {
    expect(await subjectsOf(owner, unusedIndexAfter(0))).toEqual(['public.bad_idx'])
  })

  it('drafts a drop that is taken back exactly', async () => {
    await expectReversible(owner, await operationAbout(owner, unusedIndexAfter(0), 'public', 'bad_idx'))
  })
})
