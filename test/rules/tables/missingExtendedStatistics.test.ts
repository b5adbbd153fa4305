import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missingExtendedStatistics } from '../../../src/rules/tables/missingExtendedStatistics.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, look, subjectsOf } from '../look.ts'

describe('missing_extended_statistics', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE bad ("City" int, currency text, a int, b int);
      INSERT INTO bad SELECT i % 100, 'c' || (i % 100) / 5, i % 97, i % 89 FROM generate_series(1, 20000) i;
      CREATE INDEX ON bad (currency, "City");
      CREATE INDEX ON bad (a, b);
      CREATE TABLE good_known AS SELECT * FROM bad;
      CREATE INDEX ON good_known ("City", currency);
      CREATE STATISTICS good_known_stat (dependencies) ON "City", currency FROM good_known;
      CREATE TABLE good_key AS SELECT i AS id, i % 10 AS kind FROM generate_series(1, 20000) i;
      CREATE INDEX ON good_key (id, kind);
      ANALYZE;
    `)
  })
  afterAll(() => database.drop())

  it('finds columns of one index that depend on each other, and no independent ones', async () => {
    expect(await subjectsOf(owner, missingExtendedStatistics)).toEqual(['public.bad."City".currency'])
  })

  it('drafts statistics that correct the estimate, taken back exactly', async () => {
    const estimate = async (): Promise<number> => {
      const { rows } = await owner.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
        `EXPLAIN (FORMAT JSON) SELECT FROM bad WHERE "City" = 7 AND currency = 'c1'`,
      )
      return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0
    }
    expect(await estimate()).toBeLessThan(30)
    await expectReversible(
      owner,
      await operationAbout(owner, missingExtendedStatistics, 'public', 'bad', 'City', 'currency'),
    )
    expect(await estimate()).toBeGreaterThan(150)
    expect(await subjectsOf(owner, missingExtendedStatistics)).toEqual([])
  })

  it('says so where it may not read the rows', async () => {
    const superuser = await database.connect()
    await superuser.query(`SET ROLE pg_monitor`)
    expect((await look(superuser, missingExtendedStatistics)).skipped).toMatch(/No sample of public/)
  })
})
