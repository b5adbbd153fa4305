import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lowHotRatio } from '../../../src/rules/tables/lowHotRatio.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, findingAbout, subjectsOf, settleCounters } from '../look.ts'

describe('low_hot_ratio', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    const superuser = await database.connect()
    await superuser.query(`CREATE EXTENSION pg_stat_statements SCHEMA public`)
    await owner.query(`
      CREATE TABLE "Bad" (id int PRIMARY KEY, seen int, filler text);
      CREATE TABLE bad_indexed (id int PRIMARY KEY, seen int, filler text);
      CREATE INDEX ON bad_indexed (id) WHERE seen > 0;
      CREATE TABLE good (id int PRIMARY KEY, seen int, filler text) WITH (fillfactor = 40);
      CREATE TABLE good_few (id int PRIMARY KEY, seen int);
      INSERT INTO "Bad" SELECT i, 0, repeat('x', 500) FROM generate_series(1, 10000) i;
      INSERT INTO bad_indexed SELECT i, 0, repeat('x', 500) FROM generate_series(1, 10000) i;
      INSERT INTO good SELECT i, 0, repeat('x', 500) FROM generate_series(1, 10000) i;
      INSERT INTO good_few SELECT i, 0 FROM generate_series(1, 1000) i;
    `)
    for (const table of ['"Bad"', 'bad_indexed', 'good']) {
      await owner.query(`UPDATE ${table} SET seen = seen + 1`)
      await owner.query(
        `INSERT INTO ${table} VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen`,
      )
    }
    await owner.query(`UPDATE good_few SET seen = 1`)
    await settleCounters(owner)
  })
  afterAll(() => database.drop())

  it('finds tables whose updates are rarely HOT, and no others', async () => {
    expect(await subjectsOf(owner, lowHotRatio)).toEqual(['public."Bad"', 'public.bad_indexed'])
  })

  it('offers no migration where it may not see what is updated', async () => {
    const { remedy } = await findingAbout(owner, lowHotRatio, 'public', 'Bad')
    expect(remedy).toMatchObject({ kind: 'runbook', title: expect.stringContaining('Find out') })
  })

  it('names an index that covers what is updated, even if only its predicate does', async () => {
    const superuser = await database.connect()
    const { remedy } = await findingAbout(superuser, lowHotRatio, 'public', 'bad_indexed')
    expect(remedy).toMatchObject({
      kind: 'runbook',
      title: expect.stringContaining('needs its indexes on seen'),
    })
  })

  it('drafts room on the page where no index covers it, taken back exactly', async () => {
    const superuser = await database.connect()
    await expectReversible(owner, await operationAbout(superuser, lowHotRatio, 'public', 'Bad'))
  })
})
