import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missingIndex } from '../../../src/rules/indexes/missingIndex.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, subjectsOf, settleCounters } from '../look.ts'

describe('missing_index', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE bad AS SELECT i, repeat('x', 40) AS filler FROM generate_series(1, 30000) i;
      CREATE TABLE good_small AS SELECT i FROM generate_series(1, 2000) i;
      CREATE TABLE good_indexed AS SELECT i, repeat('x', 40) AS filler FROM generate_series(1, 30000) i;
      CREATE INDEX ON good_indexed (i);
      ANALYZE;
      DO $$ DECLARE n int; BEGIN
        FOR n IN 1..60 LOOP
          PERFORM FROM bad WHERE i = n;
          PERFORM count(*) FROM good_small;
          PERFORM FROM good_indexed WHERE i = n;
        END LOOP;
      END $$`)
    await settleCounters(owner)
  })
  afterAll(() => database.drop())

  it('finds large tables that are read from end to end, and no others', async () => {
    expect(await subjectsOf(owner, missingIndex)).toEqual(['public.bad'])
  })

  it('does not claim to know which index is missing', async () => {
    const { detail, remedy } = await findingAbout(owner, missingIndex, 'public', 'bad')
    expect(detail).toMatch(/do not tell how many of the rows were wanted/)
    expect(remedy).toMatchObject({
      kind: 'runbook',
      steps: [
        expect.stringContaining('FROM pg_stat_statements'),
        expect.stringContaining('EXPLAIN each'),
        expect.stringContaining('`npm run migrate new create-bad-index`'),
      ],
    })
  })
})
