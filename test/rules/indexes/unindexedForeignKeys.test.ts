import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redundantIndex } from '../../../src/rules/indexes/redundantIndex.ts'
import { unindexedForeignKeys } from '../../../src/rules/indexes/unindexedForeignKeys.ts'
import type { Remedy } from '../../../src/rules/rule.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, findingAbout, look, subjectsOf } from '../look.ts'

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
    const operations = [
      await operationAbout(owner, unindexedForeignKeys, 'public', 'bad', 'bad two'),
      await operationAbout(owner, unindexedForeignKeys, 'public', 'bad', 'bad_one'),
    ]
    expect(operations[0]?.up).toEqual([
      `CREATE INDEX CONCURRENTLY "bad_two_Two B_idx1" ON "public"."bad" ("two", "Two B")`,
    ])
    await expectReversible(owner, ...operations)
    expect(await subjectsOf(owner, unindexedForeignKeys)).toEqual([
      'public.bad.bad_brin',
      'public.bad.bad_partial',
      'public.parts.parts_id_fkey',
    ])
  })
})

describe('unindexed_foreign_keys on small tables', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE parent (id int PRIMARY KEY);
      INSERT INTO parent VALUES (1);
      CREATE TABLE empty (id int REFERENCES parent);
      CREATE TABLE handful (id int REFERENCES parent);
      INSERT INTO handful SELECT 1 FROM generate_series(1, 100);
      CREATE TABLE wide (id int REFERENCES parent, note text);
      ALTER TABLE wide ALTER note SET STORAGE PLAIN;
      INSERT INTO wide SELECT 1, repeat('x', 7000) FROM generate_series(1, 100);
      CREATE TABLE many (id int REFERENCES parent);
      INSERT INTO many SELECT 1 FROM generate_series(1, 6000);
      CREATE TABLE parts (id int REFERENCES parent, k int) PARTITION BY LIST (k);
      CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
      CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2) PARTITION BY LIST (k);
      CREATE TABLE parts_2_1 PARTITION OF parts_2 DEFAULT;
      INSERT INTO parts SELECT 1, 2 FROM generate_series(1, 6000);
      CREATE TABLE few_parts (id int REFERENCES parent, k int) PARTITION BY LIST (k);
      CREATE TABLE few_parts_1 PARTITION OF few_parts DEFAULT;
      INSERT INTO few_parts VALUES (1, 1);
      CREATE TABLE vague_parts (id int REFERENCES parent, k int) PARTITION BY LIST (k);
      CREATE TABLE vague_parts_1 PARTITION OF vague_parts DEFAULT;
    `)
  })
  afterAll(() => database.drop())

  const levels = async () => {
    const { findings } = await look(owner, unindexedForeignKeys)
    return Object.fromEntries(
      findings.map(({ subject, level, infoBecause }) => [subject[1], [level, infoBecause]]),
    )
  }
  const inTables = {
    empty: ['info', 'on tables that are empty here'],
    handful: ['info', 'on tables of at most 128 kB'],
    wide: ['warn', undefined],
    many: ['warn', undefined],
    parts: ['warn', undefined],
    few_parts: ['info', 'on tables of at most 128 kB'],
    vague_parts: ['info', 'on tables that are empty here'],
  }

  it('are a note, and on others a warning, whether or not the table was ever analyzed', async () => {
    expect(await levels()).toEqual(inTables)
    await owner.query('ANALYZE')
    expect(await levels()).toEqual(inTables)
  })

  it('are a warning if a partition is locked, since its size is not asked', async () => {
    const holder = await database.connect(database.ownerUrl)
    await holder.query('BEGIN; LOCK TABLE ONLY vague_parts_1')
    expect(await levels()).toEqual({ ...inTables, vague_parts: ['warn', undefined] })
    await holder.query('ROLLBACK')
  })
})

describe('unindexed_foreign_keys whose columns contain one another', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE one (a int UNIQUE, b int UNIQUE, c int UNIQUE, UNIQUE (a, b), UNIQUE (a, c), UNIQUE (a, b, c));
      CREATE TABLE chain (a int CONSTRAINT on_a REFERENCES one (a), b int, c int,
        CONSTRAINT on_cba FOREIGN KEY (c, b, a) REFERENCES one (c, b, a),
        CONSTRAINT on_ab FOREIGN KEY (a, b) REFERENCES one (a, b),
        CONSTRAINT on_ba FOREIGN KEY (b, a) REFERENCES one (b, a));
      CREATE TABLE crossed (a int CONSTRAINT on_a REFERENCES one (a), b int CONSTRAINT on_b REFERENCES one (b), c int,
        CONSTRAINT on_ab FOREIGN KEY (a, b) REFERENCES one (a, b),
        CONSTRAINT on_ac FOREIGN KEY (a, c) REFERENCES one (a, c));
      CREATE TABLE parts (a int, b int CONSTRAINT on_b REFERENCES one (b),
        CONSTRAINT on_ab FOREIGN KEY (a, b) REFERENCES one (a, b)) PARTITION BY RANGE (a);
      CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
      CREATE TABLE apart (a int CONSTRAINT on_a REFERENCES one (a), b int);
      CREATE TABLE served (a int CONSTRAINT on_a REFERENCES one (a), b int,
        CONSTRAINT on_ba FOREIGN KEY (b, a) REFERENCES one (b, a));
      CREATE INDEX ON served (a) WHERE a IS NOT NULL;
    `)
  })
  afterAll(() => database.drop())

  it('share as few indexes as will do', async () => {
    const { findings } = await look(owner, unindexedForeignKeys)
    const shared = [...new Set(findings.map(({ remedy }) => remedy))].map((remedy) => [
      indexIn(remedy),
      findings.filter((finding) => finding.remedy === remedy).map(({ subject }) => subject[2]),
    ])
    expect(shared).toEqual([
      ['"apart" ("a")', ['on_a']],
      ['"chain" ("a", "b", "c")', ['on_a', 'on_ab', 'on_ba', 'on_cba']],
      ['"crossed" ("b", "a")', ['on_b', 'on_ab']],
      ['"crossed" ("a", "c")', ['on_a', 'on_ac']],
      ['"parts" ("b", "a")', ['on_b', 'on_ab']],
      ['"served" ("b", "a")', ['on_ba']],
    ])
  })

  it('leave nothing to find once their indexes exist, and none of these is redundant', async () => {
    const { findings } = await look(owner, unindexedForeignKeys)
    for (const index of new Set(findings.map(({ remedy }) => indexIn(remedy)))) {
      await owner.query(`CREATE INDEX ON ${index}`)
    }
    expect(await subjectsOf(owner, unindexedForeignKeys)).toEqual([])
    expect(await subjectsOf(owner, redundantIndex)).toEqual([])
  })
})

/** Table and columns of the index that the remedy makes: `"bookings" ("customer_id")`. */
function indexIn(remedy: Remedy): string | undefined {
  const statement =
    remedy.kind === 'migration'
      ? remedy.operation.up[0]
      : remedy.kind === 'runbook'
        ? remedy.steps[0]
        : undefined
  return /"public"\.(.*\))/.exec(statement ?? '')?.[1]
}
