import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partitionCandidate } from '../../../src/rules/tables/partitionCandidate.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, look, subjectsOf } from '../look.ts'

describe('partition_candidate', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE bad (id int, created_at timestamptz NOT NULL, "Day" date NOT NULL, filler text);
      INSERT INTO bad SELECT i, now() + i * interval '1 second', '2020-01-01'::date + (i * 7919) % 1000, repeat('x', 200)
        FROM generate_series(1, 20000) i;
      CREATE TABLE good_mixed AS SELECT id, "Day", filler FROM bad;
      ALTER TABLE good_mixed ALTER "Day" SET NOT NULL;
      CREATE TABLE good_small (created_at timestamptz NOT NULL);
      INSERT INTO good_small SELECT now() + i * interval '1 second' FROM generate_series(1, 1000) i;
      ANALYZE;
      SET effective_cache_size = '2MB';
    `)
  })
  afterAll(() => database.drop())

  it('finds tables larger than memory that are filled in the order of time', async () => {
    expect(await subjectsOf(owner, partitionCandidate)).toEqual(['public.bad'])
    const { detail } = await findingAbout(owner, partitionCandidate, 'public', 'bad')
    expect(detail).toMatch(/order of created_at/)
  })

  it('finds none where memory is larger', async () => {
    await owner.query(`SET effective_cache_size = '4GB'`)
    expect(await subjectsOf(owner, partitionCandidate)).toEqual([])
  })

  it('says so where the statistics are hidden', async () => {
    const superuser = await database.connect()
    await superuser.query(`SET effective_cache_size = '2MB'; SET ROLE pg_monitor`)
    expect((await look(superuser, partitionCandidate)).skipped).toMatch(/public\.bad/)
  })
})
