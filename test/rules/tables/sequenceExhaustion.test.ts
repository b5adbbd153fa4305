import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sequenceExhaustion } from '../../../src/rules/tables/sequenceExhaustion.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { operationAbout, expectReversible, findingAbout, look, subjectsOf } from '../look.ts'

describe('sequence_exhaustion', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE "Bad" (id serial, wide bigint, small smallint GENERATED ALWAYS AS IDENTITY);
      SELECT setval('"Bad_id_seq"', 2000000000), setval('"Bad_small_seq"', 25000);
      CREATE SEQUENCE bad_narrow AS integer OWNED BY "Bad".wide;
      SELECT setval('bad_narrow', 2000000000);
      CREATE SEQUENCE bad_down AS smallint INCREMENT -1;
      SELECT setval('bad_down', -30000);
      CREATE SEQUENCE good_cycle AS smallint CYCLE;
      SELECT setval('good_cycle', 32000);
      CREATE SEQUENCE good_new AS integer START 2000000000;
      CREATE TABLE good (id bigserial);
      SELECT setval('good_id_seq', 2000000000);
    `)
  })
  afterAll(() => database.drop())

  it('finds sequences near their end or that of their column', async () => {
    expect(await subjectsOf(owner, sequenceExhaustion)).toEqual([
      'public."Bad_id_seq"',
      'public."Bad_small_seq"',
      'public.bad_down',
      'public.bad_narrow',
    ])
  })

  it('gives steps where the column itself is too narrow', async () => {
    const { remedy, level } = await findingAbout(owner, sequenceExhaustion, 'public', 'Bad_id_seq')
    expect(level).toBe('error')
    expect(remedy.kind).toBe('runbook')
  })

  it('drafts a wider sequence where the column has room, taken back exactly', async () => {
    await expectReversible(owner, await operationAbout(owner, sequenceExhaustion, 'public', 'bad_narrow'))
  })

  it('says so where it may not read them', async () => {
    const superuser = await database.connect()
    await superuser.query(`SET ROLE pg_monitor`)
    expect((await look(superuser, sequenceExhaustion)).skipped).toMatch(/sequences are hidden/)
  })
})
