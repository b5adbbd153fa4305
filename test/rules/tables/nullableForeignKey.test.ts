import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nullableForeignKey } from '../../../src/rules/tables/nullableForeignKey.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, look, subjectsOf } from '../look.ts'

describe('nullable_foreign_key', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE DOMAIN present AS int NOT NULL;
      CREATE DOMAIN still_present AS present;
      CREATE TABLE orgs (id int PRIMARY KEY);
      CREATE TABLE members (org int, member int, PRIMARY KEY (org, member));
      CREATE TABLE "Bad" (org int, "Member" int, CONSTRAINT "half of it" FOREIGN KEY (org, "Member") REFERENCES members);
      CREATE TABLE bad_tenant (org int NOT NULL, member int, CONSTRAINT optional FOREIGN KEY (org, member) REFERENCES members);
      CREATE TABLE bad_check (org int, member int, CHECK (org > 0 AND member > 0),
        CONSTRAINT not_settled FOREIGN KEY (org, member) REFERENCES members);
      CREATE TABLE good_filled (org int NOT NULL, member int NOT NULL, FOREIGN KEY (org, member) REFERENCES members);
      CREATE TABLE good_domain (org present, member still_present, FOREIGN KEY (org, member) REFERENCES members);
      CREATE TABLE good_full (org int, member int, FOREIGN KEY (org, member) REFERENCES members MATCH FULL);
      CREATE TABLE good_counted (org int, member int, CHECK (num_nulls(org, member) IN (0, 2)),
        FOREIGN KEY (org, member) REFERENCES members);
      CREATE TABLE good_compared (org int, member int, CHECK ((org IS NULL) = (member IS NULL)),
        FOREIGN KEY (org, member) REFERENCES members);
      CREATE TABLE good_tenant (org int NOT NULL REFERENCES orgs, member int, FOREIGN KEY (org, member) REFERENCES members);
      CREATE TABLE good_single (org int REFERENCES orgs);
    `)
  })
  afterAll(() => database.drop())

  it('finds keys that a NULL switches off, and none where MATCH FULL, NOT NULL, a CHECK or another key settles it', async () => {
    expect(await subjectsOf(owner, nullableForeignKey)).toEqual([
      'public."Bad"."half of it"',
      'public.bad_check.not_settled',
      'public.bad_tenant.optional',
    ])
  })

  it('warns where a row may have half of a reference, as PostgreSQL lets it', async () => {
    await owner.query(`INSERT INTO "Bad" VALUES (99, NULL)`)
    const { findings } = await look(owner, nullableForeignKey)
    expect(findings.map(({ subject, level }) => [subject[1], level])).toEqual([
      ['Bad', 'warn'],
      ['bad_check', 'warn'],
      ['bad_tenant', 'info'],
    ])
  })

  it('counts the rows that nothing checks in its first step', async () => {
    const { remedy } = await findingAbout(owner, nullableForeignKey, 'public', 'Bad', 'half of it')
    const { rows } = await owner.query(remedy.kind === 'runbook' ? (remedy.steps[0] ?? '') : '')
    expect(rows).toEqual([{ count: '1' }])
  })

  it('advises no MATCH FULL where a column that is never NULL would make it refuse every NULL', async () => {
    const { remedy } = await findingAbout(owner, nullableForeignKey, 'public', 'bad_tenant', 'optional')
    expect(JSON.stringify(remedy)).toMatch(/MATCH FULL would refuse each NULL/)
  })
})
