import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { timestampWithoutTimeZone } from '../../../src/rules/tables/timestampWithoutTimeZone.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { filesOf, findingAbout, subjectsOf } from '../look.ts'

describe('timestamp_without_time_zone', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE DOMAIN opening AS timestamp;
      CREATE TABLE "Bad" (id int, "At" timestamp DEFAULT now(), changed timestamp(3), fine timestamptz);
      CREATE TABLE bad_parts (day int, at timestamp) PARTITION BY RANGE (day);
      CREATE TABLE good_part PARTITION OF bad_parts FOR VALUES FROM (0) TO (10);
      CREATE TABLE good (at timestamptz, day date, opens opening, span tsrange);
    `)
  })
  afterAll(() => database.drop())

  it('finds each table once, with all its columns without a time zone', async () => {
    expect(await subjectsOf(owner, timestampWithoutTimeZone)).toEqual(['public."Bad"', 'public.bad_parts'])
    const { level, evidence } = await findingAbout(owner, timestampWithoutTimeZone, 'public', 'Bad')
    expect(level).toBe('info')
    expect(evidence[0]).toMatchObject({ name: 'columns', value: '"At", changed' })
  })

  it('rewrites no row where its steps say so: in UTC, but not to timestamptz(3)', async () => {
    await owner.query(`
      INSERT INTO "Bad" VALUES (1, '2026-01-01 12:00', '2026-01-01 12:00');
      CREATE INDEX by_at ON "Bad" ("At");
      CREATE INDEX by_id ON "Bad" (id)`)
    const { remedy } = await findingAbout(owner, timestampWithoutTimeZone, 'public', 'Bad')
    const asUtc = remedy.kind === 'runbook' ? (remedy.steps[1]?.match(/SET TimeZone.*;/)?.[0] ?? '') : ''
    const before = await filesOf(owner, '"Bad"', 'by_id', 'by_at')
    await owner.query(asUtc)
    const after = await filesOf(owner, '"Bad"', 'by_id', 'by_at')
    expect(after.map((file, at) => file === before[at])).toEqual([true, true, false])
    const { rows } = await owner.query(
      `SELECT "At" = '2026-01-01 12:00+00' AND changed = "At" AS same FROM "Bad"`,
    )
    expect(rows).toEqual([{ same: true }])

    await owner.query(`ALTER TABLE "Bad" ALTER COLUMN changed TYPE timestamptz(3)`)
    expect((await filesOf(owner, '"Bad"'))[0]).not.toBe(after[0])
  })
})
