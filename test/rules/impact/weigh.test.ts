import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { groupIntoActions } from '../../../src/rules/impact/actions.ts'
import type { Impact, Weighed } from '../../../src/rules/impact/impact.ts'
import { impactKinds } from '../../../src/rules/impact/impact.ts'
import { measures } from '../../../src/rules/impact/measures.ts'
import { risks } from '../../../src/rules/impact/risks.ts'
import { trafficSeen, weighOne } from '../../../src/rules/impact/weigh.ts'
import { rules } from '../../../src/rules/index.ts'
import { findAll } from '../../../src/rules/find.ts'
import { ruleNames } from '../../../src/rules/ruleNames.ts'
import { snapshotOf } from '../../../src/catalog/snapshot.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { createAuthPlatform } from '../../support/authPlatform.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

describe('what a finding costs', () => {
  let database: TestDatabase
  let weighed: Weighed[]

  beforeAll(async () => {
    database = await createDatabase()
    const superuser = await database.connect()
    const owner = await database.connect(database.ownerUrl)
    await createAuthPlatform(superuser)
    await owner.query(`
      CREATE TABLE parents (id int PRIMARY KEY);
      CREATE TABLE busy (id int PRIMARY KEY, parent int CONSTRAINT busy_parent REFERENCES parents, owner uuid, pad text);
      CREATE TABLE quiet (id int PRIMARY KEY, owner uuid);
      INSERT INTO parents SELECT n FROM generate_series(1, 2000) n;
      INSERT INTO busy SELECT n, 1 + n % 1000, gen_random_uuid(), repeat('x', 400) FROM generate_series(1, 4000) n;
      ALTER TABLE busy ENABLE ROW LEVEL SECURITY; ALTER TABLE quiet ENABLE ROW LEVEL SECURITY;
      CREATE POLICY own ON busy TO authenticated USING (owner = auth.uid());
      CREATE POLICY own ON quiet TO authenticated USING (owner = auth.uid());
      CREATE INDEX busy_pad_idx ON busy (pad, id); CREATE INDEX busy_pad_idx1 ON busy (pad, id);
      CREATE TABLE open_to_all (id int PRIMARY KEY); GRANT ALL ON open_to_all TO anon;
      ANALYZE`)
    await owner.query('DELETE FROM parents WHERE id > 1000')
    for (let time = 0; time < 12; time += 1) await owner.query('SELECT count(*) FROM busy')
    await owner.query('SELECT pg_stat_force_next_flush()')
    await owner.query('SELECT 1')
    weighed = await readOnly(owner, async () => {
      const snapshot = snapshotOf(borrow(owner))
      const { findings } = await findAll(rules, snapshot)
      const traffic = await trafficSeen(snapshot)
      return findings.map((finding) => weighOne(finding, traffic))
    })
  })
  afterAll(() => database.drop())

  const of = (rule: string, ...subject: string[]): Impact | undefined =>
    weighed.find((each) => each.rule === rule && subject.every((part, at) => each.subject[at] === part))
      ?.impact

  it('is time in each hour where the counters show it, as an estimate that says what was counted', () => {
    // 48,000 rows were read, 2.5 µs each, by counters of less than an hour.
    expect(of('auth_rls_initplan', 'public', 'busy')).toMatchObject({
      ...{ kind: 'time', unit: 'ms/h', basis: 'estimated' },
      because: expect.stringMatching(
        /^[\d,]+ rows of the table read an hour, a call of 2.5 µs for each$/,
      ) as string,
    })
    expect(of('auth_rls_initplan', 'public', 'busy')?.value).toBeGreaterThan(100)
    // Each of the 1,000 deletes read 2 MB.
    expect(of('unindexed_foreign_keys', 'public', 'busy')).toMatchObject({
      because: expect.stringMatching(
        /^1,000 rows an hour deleted from the referenced table, each reads/,
      ) as string,
    })
  })

  it('is space where an index is written too seldom to cost time', () => {
    expect(of('duplicate_index', 'public', 'busy_pad_idx1')).toMatchObject({
      ...{ kind: 'space', unit: 'bytes', basis: 'measured' },
      because: 'the size of the index',
    })
  })

  it('is a risk without a figure where too little was counted', () => {
    expect(of('auth_rls_initplan', 'public', 'quiet')).toMatchObject({
      ...{ kind: 'risk', value: null, basis: 'classified' },
      because: expect.stringMatching(/^too little use was counted/) as string,
    })
  })

  it('is a danger where rows are open to others', () => {
    expect(of('rls_disabled_in_public', 'public', 'open_to_all')).toMatchObject({
      ...{ kind: 'danger', value: null },
      because: 'people may read or change rows that are not theirs',
    })
  })

  it('is about the table of an index', () => {
    expect(weighed.find(({ rule }) => rule === 'duplicate_index')?.table).toEqual(['public', 'busy'])
  })

  it('orders the actions: dangers, time, space, risks', () => {
    const kinds = groupIntoActions(weighed)
      .filter(({ level }) => level !== 'info')
      .map(({ impact }) => impactKinds.indexOf(impact.kind))
    expect(new Set(kinds).size).toBe(4)
    expect(kinds).toEqual(kinds.toSorted((one, other) => one - other))
  })
})

it('every rule has a measure, or says what may happen', () => {
  expect(ruleNames.filter((name) => !(name in measures) && !(name in risks))).toEqual([])
})
