import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { staleStatistics } from '../../../src/rules/tables/staleStatistics.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, subjectsOf, settleCounters } from '../look.ts'

describe('stale_statistics', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE bad_never (a int) WITH (autovacuum_enabled = false);
      INSERT INTO bad_never SELECT generate_series(1, 5000);
      CREATE TABLE bad_old (a int) WITH (autovacuum_enabled = false);
      INSERT INTO bad_old SELECT generate_series(1, 5000);
      CREATE TABLE bad_parts (a int) PARTITION BY RANGE (a);
      CREATE TABLE good_part PARTITION OF bad_parts FOR VALUES FROM (0) TO (10000) WITH (autovacuum_enabled = false);
      INSERT INTO bad_parts SELECT generate_series(1, 5000);
      CREATE TABLE good (a int) WITH (autovacuum_enabled = false);
      INSERT INTO good SELECT generate_series(1, 5000);
      CREATE TABLE good_empty (a int);
    `)
    await settleCounters(owner)
    await owner.query(`ANALYZE bad_old, good_part, good`)
    await owner.query(`UPDATE bad_old SET a = -a`)
    await settleCounters(owner)
  })
  afterAll(() => database.drop())

  it('finds tables that were never analyzed, or long ago, and partitioned ones as a whole', async () => {
    expect(await subjectsOf(owner, staleStatistics)).toEqual([
      'public.bad_never',
      'public.bad_old',
      'public.bad_parts',
    ])
  })

  it('gives a step that fixes it', async () => {
    for (const name of ['bad_never', 'bad_old', 'bad_parts']) {
      const { remedy } = await findingAbout(owner, staleStatistics, 'public', name)
      await owner.query(remedy.kind === 'runbook' ? (remedy.steps[0] ?? '') : '')
    }
    await settleCounters(owner)
    expect(await subjectsOf(owner, staleStatistics)).toEqual([])
  })
})
