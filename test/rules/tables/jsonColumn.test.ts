import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonColumn } from '../../../src/rules/tables/jsonColumn.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, subjectsOf } from '../look.ts'

describe('json_column', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE DOMAIN document AS json;
      CREATE TABLE "Bad" (id int, "Body" json DEFAULT '{}', other json NOT NULL, fine jsonb);
      INSERT INTO "Bad" VALUES (1, '{"b": 1e2, "a": 1, "a": 2}', '[]', '{}');
      CREATE TABLE bad_parts (day int, body json) PARTITION BY RANGE (day);
      CREATE TABLE good_part PARTITION OF bad_parts FOR VALUES FROM (0) TO (10);
      CREATE TABLE good_heir () INHERITS ("Bad");
      CREATE TABLE good (body jsonb, chosen document);
      CREATE VIEW good_view AS SELECT '{}'::json AS body;
    `)
  })
  afterAll(() => database.drop())

  it('finds each table once, with all its columns of type json', async () => {
    expect(await subjectsOf(owner, jsonColumn)).toEqual(['public."Bad"', 'public.bad_parts'])
    const { level, detail, evidence } = await findingAbout(owner, jsonColumn, 'public', 'Bad')
    expect(level).toBe('info')
    expect(detail).toMatch(/"Body", other as json/)
    expect(evidence[0]).toMatchObject({ name: 'columns', value: '"Body", other' })
  })

  it('says what jsonb loses, and its step changes the type', async () => {
    const { remedy } = await findingAbout(owner, jsonColumn, 'public', 'Bad')
    if (remedy.kind !== 'runbook') throw new Error('no steps')
    expect(remedy.steps[0]).toMatch(/order of keys nor spaces nor repeated keys, writes 1e2 as 100/)
    await owner.query(remedy.steps[1] ?? '')
    const { rows } = await owner.query<{ text: string }>(`SELECT "Body"::text AS text FROM ONLY "Bad"`)
    expect(rows).toEqual([{ text: '{"a": 2, "b": 100}' }])
    expect(await subjectsOf(owner, jsonColumn)).toEqual(['public.bad_parts'])
  })
})
