import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noPrimaryKey } from '../../../src/rules/tables/noPrimaryKey.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, findingAbout, subjectsOf } from '../look.ts'

describe('no_primary_key', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE bad (a int);
      CREATE TABLE "Bad Key" (id int NOT NULL, b int NOT NULL);
      CREATE UNIQUE INDEX "its key" ON "Bad Key" (id, b);
      COMMENT ON INDEX "its key" IS 'the key';
      CREATE TABLE bad_referenced (id int NOT NULL);
      CREATE UNIQUE INDEX bad_referenced_key ON bad_referenced (id);
      CREATE TABLE good_child (id int PRIMARY KEY REFERENCES bad_referenced (id));
      CREATE TABLE bad_parts (a int) PARTITION BY RANGE (a);
      CREATE TABLE bad_parts_1 PARTITION OF bad_parts FOR VALUES FROM (0) TO (10);
      CREATE TEMP TABLE temporary (a int);
      CREATE VIEW good_view AS SELECT 1 AS a;
    `)
  })
  afterAll(() => database.drop())

  it('finds tables without one, once for a partitioned table', async () => {
    expect(await subjectsOf(owner, noPrimaryKey)).toEqual([
      'public."Bad Key"',
      'public.bad',
      'public.bad_parts',
      'public.bad_referenced',
    ])
  })

  it('makes no key of an index that a foreign key depends on', async () => {
    const { remedy } = await findingAbout(owner, noPrimaryKey, 'public', 'bad_referenced')
    expect(remedy.kind).toBe('runbook')
  })

  it('drafts a key from a unique index that is one in all but name, taken back exactly', async () => {
    await expectReversible(owner, await operationAbout(owner, noPrimaryKey, 'public', 'Bad Key'))
  })
})
