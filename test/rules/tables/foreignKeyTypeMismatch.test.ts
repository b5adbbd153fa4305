import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { foreignKeyTypeMismatch } from '../../../src/rules/tables/foreignKeyTypeMismatch.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, look, subjectsOf } from '../look.ts'

describe('foreign_key_type_mismatch', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE DOMAIN account_id AS bigint;
      CREATE DOMAIN old_account_id AS int;
      CREATE DOMAIN older_account_id AS old_account_id;
      CREATE TABLE accounts (id bigint PRIMARY KEY, code text UNIQUE, price numeric UNIQUE, short char(8) UNIQUE, place int UNIQUE);
      INSERT INTO accounts SELECT i, i, i, i, i FROM generate_series(1, 100) i;
      CREATE TABLE "Bad" (
        narrow int CONSTRAINT "narrow key" REFERENCES accounts,
        below older_account_id CONSTRAINT below REFERENCES accounts,
        price int CONSTRAINT converted REFERENCES accounts (price),
        short text CONSTRAINT char_and_text REFERENCES accounts (short),
        wide bigint CONSTRAINT wide REFERENCES accounts (place));
      INSERT INTO "Bad" SELECT i, i, i, i, i FROM generate_series(1, 100) i;
      CREATE INDEX narrow_idx ON "Bad" (narrow);
      CREATE INDEX price_idx ON "Bad" (price);
      CREATE INDEX short_idx ON "Bad" (short);
      CREATE TABLE good (
        same bigint REFERENCES accounts,
        domain_of_same account_id REFERENCES accounts,
        shorter varchar(4) REFERENCES accounts (code),
        longer char(20) REFERENCES accounts (short));
      CREATE TABLE bad_parts (a int CONSTRAINT of_parts REFERENCES accounts) PARTITION BY RANGE (a);
      CREATE TABLE good_part PARTITION OF bad_parts FOR VALUES FROM (0) TO (10);
      CREATE TABLE pairs (a bigint, b text, PRIMARY KEY (a, b));
      CREATE TABLE bad_pairs (a int, b varchar, CONSTRAINT of_pairs FOREIGN KEY (a, b) REFERENCES pairs);
    `)
  })
  afterAll(() => database.drop())

  it('finds columns of another type than their key, below domains too, and no lengths', async () => {
    expect(await subjectsOf(owner, foreignKeyTypeMismatch)).toEqual([
      'public."Bad"."narrow key".narrow',
      'public."Bad".below.below',
      'public."Bad".char_and_text.short',
      'public."Bad".converted.price',
      'public."Bad".wide.wide',
      'public.bad_pairs.of_pairs.a',
      'public.bad_parts.of_parts.a',
    ])
  })

  it('warns of what overflows and of what is converted for each check, and notes what is only wider', async () => {
    const { findings } = await look(owner, foreignKeyTypeMismatch)
    expect(Object.fromEntries(findings.map(({ subject, level }) => [subject[2], level]))).toEqual({
      'narrow key': 'warn',
      below: 'warn',
      char_and_text: 'warn',
      converted: 'warn',
      wide: 'info',
      of_pairs: 'warn',
      of_parts: 'warn',
    })
    const narrow = await findingAbout(owner, foreignKeyTypeMismatch, 'public', 'Bad', 'narrow key', 'narrow')
    expect(narrow.detail).toMatch(/ends at 2,147,483,647/)
    expect(narrow.detail).not.toMatch(/reads the whole/)
  })

  it.each([
    { key: 'narrow key', column: 'narrow', referenced: 'id', index: 'narrow_idx', serves: true },
    { key: 'converted', column: 'price', referenced: 'price', index: 'price_idx', serves: false },
  ])('says of $column what the planner does', async ({ key, column, referenced, index, serves }) => {
    const { evidence } = await findingAbout(owner, foreignKeyTypeMismatch, 'public', 'Bad', key, column)
    expect(evidence).toContainEqual({
      name: 'checks can use an index on the column',
      value: serves,
      kind: 'measured',
    })
    await owner.query(`SET enable_seqscan = off`)
    const { rows } = await owner.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (COSTS OFF) SELECT FROM accounts a
       JOIN LATERAL (SELECT FROM "Bad" b WHERE a.${referenced} = b.${column} OFFSET 0) found ON true`,
    )
    await owner.query(`RESET enable_seqscan`)
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan.includes(`Index Cond: (${column} = a.${referenced})`), plan).toBe(serves)
    if (serves) expect(plan).toContain(index)
  })

  it('has no finding once both have one type, as its first step makes it', async () => {
    const { remedy } = await findingAbout(
      owner,
      foreignKeyTypeMismatch,
      'public',
      'Bad',
      'narrow key',
      'narrow',
    )
    await owner.query(remedy.kind === 'runbook' ? (remedy.steps[0] ?? '') : '')
    expect(await subjectsOf(owner, foreignKeyTypeMismatch)).not.toContain('public."Bad"."narrow key".narrow')
  })
})
