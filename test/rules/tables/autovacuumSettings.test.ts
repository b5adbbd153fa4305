import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { autovacuumSettings } from '../../../src/rules/tables/autovacuumSettings.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, subjectsOf, settleCounters } from '../look.ts'

describe('autovacuum_settings', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE bad_off (a int) WITH (autovacuum_enabled = false, fillfactor = 80);
      CREATE TABLE bad_large (a int) WITH (autovacuum_analyze_scale_factor = '0.3');
      INSERT INTO bad_large SELECT generate_series(1, 1000000);
      CREATE TABLE good_idle (a int);
      INSERT INTO good_idle SELECT generate_series(1, 600000);
      CREATE TABLE good_small (a int);
      INSERT INTO good_small SELECT generate_series(1, 1000);
      ANALYZE;
      UPDATE bad_large SET a = -a WHERE a <= 20000;
      UPDATE good_small SET a = -a;
    `)
    await settleCounters(owner)
  })
  afterAll(() => database.drop())

  it('finds large busy tables that are vacuumed late, and those where autovacuum is off', async () => {
    expect(await subjectsOf(owner, autovacuumSettings)).toEqual(['public.bad_large', 'public.bad_off'])
  })

  it('computes factors for 100,000 changes, and restores exactly what was set', async () => {
    const large = await operationAbout(owner, autovacuumSettings, 'public', 'bad_large')
    expect(large.up).toEqual([
      `ALTER TABLE "public"."bad_large" SET (autovacuum_vacuum_scale_factor = '0.1', autovacuum_analyze_scale_factor = '0.05')`,
    ])
    expect(large.down).toEqual([
      `ALTER TABLE "public"."bad_large" SET (autovacuum_analyze_scale_factor = '0.3')`,
      `ALTER TABLE "public"."bad_large" RESET (autovacuum_vacuum_scale_factor)`,
    ])
    await expectReversible(owner, large, await operationAbout(owner, autovacuumSettings, 'public', 'bad_off'))
    expect(await subjectsOf(owner, autovacuumSettings)).toEqual([])
  })
})
