import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unindexedForeignKeys } from '../../src/rules/unindexedForeignKeys.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { draftAbout, expectReversible, findingAbout, subjectsOf } from './look.ts'

describe('unindexed_foreign_keys', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE "The Parent" (id int PRIMARY KEY, "Alt Key" int UNIQUE, UNIQUE (id, "Alt Key"));
      CREATE TABLE bad (
        one int CONSTRAINT bad_one REFERENCES "The Parent",
        again int CONSTRAINT bad_again REFERENCES "The Parent",
        two int, "Two B" int, CONSTRAINT "bad two" FOREIGN KEY (two, "Two B") REFERENCES "The Parent" (id, "Alt Key"),
        partial int CONSTRAINT bad_partial REFERENCES "The Parent",
        brin int CONSTRAINT bad_brin REFERENCES "The Parent");
      CREATE INDEX ON bad (again, one);
      CREATE INDEX ON bad (partial) WHERE partial > 10;
      CREATE INDEX ON bad USING brin (brin);
      CREATE INDEX bad_two_idx ON bad (two);
      CREATE INDEX "bad_two_Two B_idx" ON bad ((two + 1));
      CREATE TABLE good (
        one int REFERENCES "The Parent", two int, "Two B" int,
        FOREIGN KEY ("Two B", two) REFERENCES "The Parent" ("Alt Key", id),
        present int REFERENCES "The Parent", hashed int REFERENCES "The Parent");
      CREATE INDEX ON good (one, two);
      CREATE INDEX ON good (two, "Two B", one);
      CREATE INDEX ON good (present) WHERE present IS NOT NULL;
      CREATE INDEX ON good USING hash (hashed);
      CREATE TABLE parts (id int REFERENCES "The Parent", k int) PARTITION BY RANGE (k);
      CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
    `)
  })
  afterAll(() => database.drop())

  it('finds keys without an index that leads on their columns, and no others', async () => {
    expect(await subjectsOf(owner, unindexedForeignKeys)).toEqual([
      'public.bad."bad two"',
      'public.bad.bad_brin',
      'public.bad.bad_one',
      'public.bad.bad_partial',
      'public.parts.parts_id_fkey',
    ])
  })

  it('writes steps for a partitioned table, where no index can be built concurrently', async () => {
    const { remedy } = await findingAbout(owner, unindexedForeignKeys, 'public', 'parts', 'parts_id_fkey')
    expect(remedy).toMatchObject({ kind: 'runbook' })
  })

  it('drafts an index under a free name that is taken back exactly', async () => {
    const drafts = [
      await draftAbout(owner, unindexedForeignKeys, 'public', 'bad', 'bad two'),
      await draftAbout(owner, unindexedForeignKeys, 'public', 'bad', 'bad_one'),
    ]
    expect(drafts[0]?.up).toEqual([
      `CREATE INDEX CONCURRENTLY "bad_two_Two B_idx1" ON "public"."bad" ("two", "Two B")`,
    ])
    await expectReversible(owner, ...drafts)
    expect(await subjectsOf(owner, unindexedForeignKeys)).toEqual([
      'public.bad.bad_brin',
      'public.bad.bad_partial',
      'public.parts.parts_id_fkey',
    ])
  })
})
