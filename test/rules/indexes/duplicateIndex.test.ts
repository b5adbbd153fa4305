import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { duplicateIndex } from '../../../src/rules/indexes/duplicateIndex.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, findingAbout, subjectsOf } from '../look.ts'

describe('duplicate_index', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE t (a int, b text, c int UNIQUE, d int[]);
      CREATE INDEX t_a_idx ON t (a);
      CREATE INDEX "it's a \\ twin" ON t (a) WITH (fillfactor = 70);
      COMMENT ON INDEX "it's a \\ twin" IS 'it''s for \\ the search page';
      CREATE INDEX t_lower_idx ON t (lower(b) COLLATE "C" text_pattern_ops DESC) INCLUDE (a) WHERE a > 0;
      CREATE INDEX t_lower_twin ON t (lower(b) COLLATE "C" text_pattern_ops DESC) INCLUDE (a) WHERE a > 0;
      ALTER INDEX t_lower_idx ALTER COLUMN 1 SET STATISTICS 400;
      ALTER INDEX t_lower_twin ALTER COLUMN 1 SET STATISTICS 300;
      CREATE UNIQUE INDEX t_c_twin ON t (c);
      CREATE TABLE parts (a int) PARTITION BY RANGE (a);
      CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
      CREATE INDEX parts_a ON parts (a);
      CREATE INDEX parts_twin ON parts (a);
      -- Alike, and not the same.
      CREATE INDEX ON t (b);
      CREATE INDEX ON t (b COLLATE "C");
      CREATE INDEX ON t (b text_pattern_ops);
      CREATE INDEX ON t (b DESC);
      CREATE INDEX ON t (b NULLS FIRST);
      CREATE INDEX ON t (b) WHERE a > 1;
      CREATE INDEX ON t USING hash (b);
      CREATE INDEX ON t USING gin (d);
      CREATE INDEX ON t USING gin (d) WITH (fastupdate = off);
    `)
  })
  afterAll(() => database.drop())

  it('finds all but one of several equal indexes, and keeps the one of a constraint', async () => {
    expect(await subjectsOf(owner, duplicateIndex)).toEqual([
      `public."it's a \\ twin"`,
      'public.parts_twin',
      'public.t_c_twin',
      'public.t_lower_twin',
    ])
  })

  it('gives steps for the index of a partitioned table, once for all partitions', async () => {
    const { remedy } = await findingAbout(owner, duplicateIndex, 'public', 'parts_twin')
    expect(remedy).toMatchObject({ kind: 'runbook' })
  })

  it('never drafts the drop of an index that keeps values unique', async () => {
    const { remedy } = await findingAbout(owner, duplicateIndex, 'public', 't_c_twin')
    expect(remedy.kind).toBe('runbook')
  })

  it('drafts drops that bring back parameters, comment and statistics targets', async () => {
    await expectReversible(
      owner,
      await operationAbout(owner, duplicateIndex, 'public', "it's a \\ twin"),
      await operationAbout(owner, duplicateIndex, 'public', 't_lower_twin'),
    )
    expect(await subjectsOf(owner, duplicateIndex)).toEqual(['public.parts_twin', 'public.t_c_twin'])
  })
})
