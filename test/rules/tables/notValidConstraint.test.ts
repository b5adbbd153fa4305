import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { notValidConstraint } from '../../../src/rules/tables/notValidConstraint.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, findingAbout, subjectsOf } from '../look.ts'

describe('not_valid_constraint', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE parent (id int PRIMARY KEY);
      INSERT INTO parent VALUES (1);
      CREATE TABLE "Bad" (a int, b int);
      INSERT INTO "Bad" VALUES (1, 1);
      ALTER TABLE "Bad" ADD CONSTRAINT "b > 0" CHECK (b > 0) NOT VALID;
      COMMENT ON CONSTRAINT "b > 0" ON "Bad" IS 'it''s positive';
      ALTER TABLE "Bad" ADD CONSTRAINT bad_fk FOREIGN KEY (a) REFERENCES parent ON DELETE CASCADE DEFERRABLE NOT VALID;
      CREATE TABLE bad_parent (a int);
      CREATE TABLE good_heir () INHERITS (bad_parent);
      ALTER TABLE ONLY bad_parent ADD CONSTRAINT bad_own CHECK (a > 0) NO INHERIT NOT VALID;
      CREATE TABLE good (a int CHECK (a > 0) REFERENCES parent);
    `)
  })
  afterAll(() => database.drop())

  it('finds constraints that old rows were never checked against', async () => {
    expect(await subjectsOf(owner, notValidConstraint)).toEqual([
      'public."Bad"."b > 0"',
      'public."Bad".bad_fk',
      'public.bad_parent.bad_own',
    ])
  })

  it('offers no migration where a family of tables shares the constraint', async () => {
    const { remedy } = await findingAbout(owner, notValidConstraint, 'public', 'bad_parent', 'bad_own')
    expect(remedy.kind).toBe('runbook')
  })

  it('drafts the check, and NOT VALID again on the way down', async () => {
    await expectReversible(
      owner,
      await operationAbout(owner, notValidConstraint, 'public', 'Bad', 'b > 0'),
      await operationAbout(owner, notValidConstraint, 'public', 'Bad', 'bad_fk'),
    )
    expect(await subjectsOf(owner, notValidConstraint)).toEqual(['public.bad_parent.bad_own'])
  })
})
