import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nullHeavyIndex } from '../../../src/rules/indexes/nullHeavyIndex.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, look, subjectsOf } from '../look.ts'

describe('null_heavy_index', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE orders ("Coupon" int, filled int, small int) WITH (autovacuum_enabled = false);
      INSERT INTO orders SELECT CASE WHEN i % 20 = 0 THEN i END, i, NULL FROM generate_series(1, 200000) i;
      CREATE INDEX bad_idx ON orders ("Coupon");
      CREATE INDEX good_filled ON orders (filled);
      CREATE INDEX good_partial ON orders ("Coupon") WHERE "Coupon" IS NOT NULL;
      CREATE TABLE few (a int);
      INSERT INTO few SELECT NULL FROM generate_series(1, 100);
      CREATE INDEX good_small ON few (a);
      COMMENT ON INDEX bad_idx IS 'for vouchers';
      ANALYZE;
    `)
  })
  afterAll(() => database.drop())

  it('finds large indexes that are mostly NULL, and no others', async () => {
    expect(await subjectsOf(owner, nullHeavyIndex)).toEqual(['public.bad_idx'])
  })

  it('says that it cannot see the statistics of tables that the role may not read', async () => {
    const superuser = await database.connect()
    await superuser.query(`SET ROLE pg_monitor`)
    const { findings, skipped } = await look(superuser, nullHeavyIndex)
    expect(findings).toEqual([])
    expect(skipped).toMatch(/public\.orders/)
  })

  it('drafts an index on the rows with a value, taken back exactly', async () => {
    await expectReversible(owner, await operationAbout(owner, nullHeavyIndex, 'public', 'bad_idx'))
    expect(await subjectsOf(owner, nullHeavyIndex)).toEqual([])
  })
})
