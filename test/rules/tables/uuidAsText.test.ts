import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { uuidAsText } from '../../../src/rules/tables/uuidAsText.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, look, subjectsOf } from '../look.ts'

describe('uuid_as_text', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE FUNCTION id_of(i int) RETURNS text LANGUAGE sql AS 'SELECT md5(i::text)::uuid::text';
      CREATE TABLE "Bad" (id text PRIMARY KEY, "Other" varchar(40), fixed char(36), common text, hash text, note text);
      INSERT INTO "Bad"
        SELECT id_of(i), upper(id_of(i)), id_of(i), id_of(i % 12), md5(i::text) || 'abcd', id_of(i) FROM generate_series(1, 500) i;
      UPDATE "Bad" SET note = 'not one, although just as long as one' WHERE id = id_of(7);
      CREATE TABLE bad_default (id text DEFAULT gen_random_uuid(), a varchar(36) DEFAULT gen_random_uuid()::text);
      CREATE TABLE bad_check (id text CHECK (id ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'));
      CREATE TABLE good (id uuid DEFAULT gen_random_uuid(), prefixed text DEFAULT 'u' || gen_random_uuid(),
        short text DEFAULT left(gen_random_uuid()::text, 8), named text DEFAULT 'none',
        either text CHECK (either ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' OR either = 'none'),
        neither text CHECK (neither !~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'));
      INSERT INTO good SELECT gen_random_uuid() FROM generate_series(1, 500);
      CREATE TABLE good_few (id text);
      INSERT INTO good_few SELECT id_of(i) FROM generate_series(1, 3) i;
      CREATE TABLE good_unknown (id text);
      INSERT INTO good_unknown SELECT id_of(i) FROM generate_series(1, 500) i;
      ANALYZE "Bad", good, good_few;
    `)
  })
  afterAll(() => database.drop())

  it('finds tables whose values, default or CHECK show uuids, and none without evidence', async () => {
    expect(await subjectsOf(owner, uuidAsText)).toEqual([
      'public."Bad"',
      'public.bad_check',
      'public.bad_default',
    ])
  })

  it('names the columns and the bytes, and no value', async () => {
    const finding = await findingAbout(owner, uuidAsText, 'public', 'Bad')
    expect(finding.level).toBe('info')
    expect(finding.detail).toMatch(/uuids in id, "Other", fixed, common as text: 37 bytes each where 16/)
    expect(JSON.stringify(finding)).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/i)
    expect(finding.evidence.at(-1)).toMatchObject({ value: 500 * 4 * 21, unit: 'bytes' })
  })

  it('has no finding after its step, and the table and the key take as much less as it says', async () => {
    const bytes = async (): Promise<{ value: number; key: number }> => {
      const { rows } = await owner.query<{ value: number; key: number }>(
        `SELECT pg_column_size(id) AS value, pg_relation_size('"Bad_pkey"')::int AS key FROM "Bad" LIMIT 1`,
      )
      return rows[0] ?? { value: 0, key: 0 }
    }
    const { remedy } = await findingAbout(owner, uuidAsText, 'public', 'Bad')
    await owner.query(`REINDEX TABLE "Bad"`)
    const before = await bytes()
    await owner.query(remedy.kind === 'runbook' ? (remedy.steps[1] ?? '') : '')
    const after = await bytes()
    expect([before.value, after.value]).toEqual([37, 16])
    expect(after.key).toBeLessThan(before.key)
    expect(await subjectsOf(owner, uuidAsText)).not.toContain('public."Bad"')
  })

  it('says that it cannot see the statistics of tables that the role may not read', async () => {
    const superuser = await database.connect()
    await superuser.query(`SET ROLE pg_monitor`)
    const { skipped } = await look(superuser, uuidAsText)
    expect(skipped).toMatch(/statistics of .*public\.good/)
  })
})
