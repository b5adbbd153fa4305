import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redundantIndex } from '../../../src/rules/indexes/redundantIndex.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { expectReversible, look, subjectsOf } from '../look.ts'

describe('redundant_index', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE bad (a int, b int, c int, d int, e int UNIQUE, f int);
      CREATE INDEX bad_a ON bad (a);
      CREATE INDEX bad_a_b ON bad (a, b);
      CREATE INDEX wide_a_b_c ON bad (a, b, c);
      CREATE INDEX bad_inverted ON bad (b DESC NULLS FIRST, c);
      CREATE INDEX wide_b_c ON bad (b, c DESC NULLS FIRST, d);
      CREATE INDEX bad_include ON bad (d) INCLUDE (a);
      CREATE INDEX wide_include ON bad (d, b) INCLUDE (a, c);
      CREATE INDEX bad_e ON bad (e);
      CREATE INDEX bad_present ON bad (f) WHERE f IS NOT NULL;
      CREATE INDEX wide_f ON bad (f);
      CREATE TABLE good (a int, b text, c int, d int);
      CREATE INDEX ON good (a) WHERE c = 0;
      CREATE INDEX ON good (a, c);
      CREATE INDEX ON good (a DESC, d);
      CREATE INDEX ON good (c) INCLUDE (b);
      CREATE INDEX ON good (c, d);
      CREATE INDEX ON good (b);
      CREATE INDEX ON good (b text_pattern_ops, a);
      CREATE INDEX ON good USING hash (b);
      CREATE UNIQUE INDEX ON good (d);
      CREATE INDEX ON good (d, a);
    `)
  })
  afterAll(() => database.drop())

  it('finds indexes whose searches a wider one serves, and no others', async () => {
    expect(await subjectsOf(owner, redundantIndex)).toEqual([
      'public.bad_a',
      'public.bad_a_b',
      'public.bad_e',
      'public.bad_include',
      'public.bad_inverted',
      'public.bad_present',
    ])
  })

  it('names a wider index that itself stays', async () => {
    const { findings } = await look(owner, redundantIndex)
    const covers = findings.map(({ evidence }) => evidence.find(({ name }) => name === 'covered by')?.value)
    expect(covers.filter((definition) => !/wide_|UNIQUE/.test(String(definition)))).toEqual([])
  })

  it('drafts drops that are taken back exactly', { timeout: 240_000 }, async () => {
    const { findings } = await look(owner, redundantIndex)
    const operations = findings.flatMap(({ remedy }) =>
      remedy.kind === 'migration' ? [remedy.operation] : [],
    )
    expect(operations).toHaveLength(6)
    await expectReversible(owner, ...operations)
    expect(await subjectsOf(owner, redundantIndex)).toEqual([])
  })
})
