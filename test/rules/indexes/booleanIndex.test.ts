import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { booleanIndex } from '../../../src/rules/indexes/booleanIndex.ts'
import { duplicateIndex } from '../../../src/rules/indexes/duplicateIndex.ts'
import { nullHeavyIndex } from '../../../src/rules/indexes/nullHeavyIndex.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, look, subjectsOf } from '../look.ts'

describe('boolean_index', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE jobs (id int PRIMARY KEY, "Failed" bool, done bool, even bool, unknown bool, mostly_null bool, never bool)
        WITH (autovacuum_enabled = false);
      INSERT INTO jobs
        SELECT i, i % 100 = 0, i % 50 <> 0, i % 2 = 0, CASE WHEN i % 40 > 0 THEN i % 2 = 0 END,
          CASE WHEN i % 40 = 0 THEN true END, false
        FROM generate_series(1, 180000) i;
      CREATE INDEX "bad rare" ON jobs ("Failed");
      CREATE INDEX bad_rare_false ON jobs (done);
      CREATE INDEX bad_even ON jobs (even);
      CREATE INDEX bad_null ON jobs (unknown);
      CREATE INDEX bad_never ON jobs (never);
      CREATE INDEX good_partial ON jobs (id) WHERE "Failed";
      CREATE INDEX good_partial_on_it ON jobs (even) WHERE even;
      CREATE INDEX good_leading ON jobs (even, id);
      CREATE INDEX good_included ON jobs (done) INCLUDE (id);
      CREATE INDEX good_expression ON jobs ((id % 2 = 0));
      CREATE INDEX good_null_heavy ON jobs (mostly_null);
      CREATE TABLE few (done bool);
      INSERT INTO few SELECT true FROM generate_series(1, 100);
      CREATE INDEX good_small ON few (done);
      ANALYZE;
    `)
  })
  afterAll(() => database.drop())

  it('finds large indexes on one boolean and all rows, and leaves each index that another rule speaks of to that', async () => {
    // The one on (even, id) finds what the one on (even) finds.
    expect(await subjectsOf(owner, booleanIndex)).toEqual([
      'public."bad rare"',
      'public.bad_never',
      'public.bad_null',
    ])
    expect(await subjectsOf(owner, nullHeavyIndex)).toEqual(['public.good_null_heavy'])
    await owner.query(`DROP INDEX good_leading; DROP INDEX good_included`)
    expect(await subjectsOf(owner, booleanIndex)).toEqual([
      'public."bad rare"',
      'public.bad_even',
      'public.bad_never',
      'public.bad_null',
      'public.bad_rare_false',
    ])
    await owner.query(`CREATE INDEX bad_even_twin ON jobs (even)`)
    const twins = await subjectsOf(owner, duplicateIndex)
    expect(twins).toHaveLength(1)
    expect(await subjectsOf(owner, booleanIndex)).not.toContain(twins[0])
    await owner.query(`DROP INDEX bad_even_twin`)
  })

  it.each([
    ['bad rare', /1 % of the rows WHERE "Failed"/, /WHERE "Failed";/],
    ['bad_rare_false', /2 % of the rows WHERE NOT done/, /WHERE NOT "done";/],
    ['bad_null', /[23] % of the rows WHERE unknown IS NULL/, /"unknown" IS NULL;/],
  ])('advises a partial index in place of %s', async (name, detail, step) => {
    const finding = await findingAbout(owner, booleanIndex, 'public', name)
    expect(finding.detail).toMatch(detail)
    expect(JSON.stringify(finding.remedy).replaceAll('\\"', '"')).toMatch(step)
  })

  it.each(['bad_even', 'bad_never'])(
    'advises no index in place of %s, whose values are all common',
    async (name) => {
      const { detail, remedy } = await findingAbout(owner, booleanIndex, 'public', name)
      expect(detail).toMatch(/hardly faster/)
      expect(JSON.stringify(remedy)).not.toMatch(/CREATE INDEX CONCURRENTLY/)
    },
  )

  it('says what is true: the planner searches it for the rare value alone, and the partial index is much smaller', async () => {
    const planOf = async (condition: string): Promise<string> => {
      const { rows } = await owner.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (COSTS OFF) SELECT * FROM jobs WHERE ${condition}`,
      )
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    }
    await owner.query(`DROP INDEX good_partial; DROP INDEX good_partial_on_it`)
    expect(await planOf('"Failed"')).toMatch(/bad rare/)
    expect(await planOf('NOT "Failed"')).toMatch(/Seq Scan/)
    expect(await planOf('even')).toMatch(/Seq Scan/)
    expect(await planOf('NOT even')).toMatch(/Seq Scan/)
    await owner.query(`CREATE INDEX partial ON jobs (id) WHERE "Failed"`)
    const { rows } = await owner.query<{ ratio: number }>(
      `SELECT (pg_relation_size('"bad rare"') / pg_relation_size('partial'))::int AS ratio`,
    )
    expect(rows[0]?.ratio).toBeGreaterThan(10)
    await owner.query(`DROP INDEX partial`)
  })

  it('says that it cannot see the statistics of tables that the role may not read', async () => {
    const superuser = await database.connect()
    await superuser.query(`SET ROLE pg_monitor`)
    const { findings, skipped } = await look(superuser, booleanIndex)
    expect(findings).toEqual([])
    expect(skipped).toMatch(/public\.jobs/)
  })
})
