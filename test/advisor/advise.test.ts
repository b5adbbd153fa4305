import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Advice } from '../../src/advisor/advise.ts'
import { advise } from '../../src/advisor/advise.ts'
import { definitionOf } from '../../src/advisor/candidates.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const schema = `
  CREATE TABLE people (
    id int PRIMARY KEY, email text NOT NULL, name text NOT NULL, city int NOT NULL, score int NOT NULL,
    status text NOT NULL, tags text[] NOT NULL, doc jsonb NOT NULL, seen timestamptz NOT NULL, stay tstzrange NOT NULL
  );
  INSERT INTO people SELECT n, 'User' || n || '@Example.org', md5(n::text), n % 500, (n * 7919) % 1000,
    CASE WHEN n % 400 = 0 THEN 'open' ELSE 'done' END, ARRAY['t' || n % 3000, 'u' || n % 7],
    jsonb_build_object('plan', 'p' || n % 900, 'k', n % 11), timestamptz '2026-01-01' + n * interval '1 minute',
    tstzrange(timestamptz '2026-01-01' + n * interval '1 minute', timestamptz '2026-01-01' + (n + 5) * interval '1 minute')
    FROM generate_series(1, 60000) n;
  CREATE INDEX people_score_seen_idx ON people (score, seen);
  CREATE INDEX people_tags_length_idx ON people ((array_length(tags, 1)));
  CREATE TABLE notes (id int PRIMARY KEY, person int NOT NULL REFERENCES people, body text NOT NULL);
  INSERT INTO notes SELECT n, n % 60000 + 1, md5(n::text) FROM generate_series(1, 90000) n;
  CREATE TABLE pages (id int PRIMARY KEY, note int NOT NULL REFERENCES notes, text text NOT NULL);
  INSERT INTO pages SELECT n, n, md5(n::text) FROM generate_series(1, 20000) n;
  CREATE FUNCTION notes_of(person int) RETURNS SETOF notes LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT * FROM notes n WHERE n.person = $1 $$;
  ANALYZE`

/** Statement, and how the index begins that serves it. */
const statements: [name: string, sql: string, index: string][] = [
  [
    'a lookup that ignores case',
    `SELECT id FROM people WHERE lower(email) = 'user77@example.org'`,
    'btree ((lower(email)))',
  ],
  [
    'a part of a word',
    `SELECT id FROM people WHERE name ILIKE '%c4ca423%'`,
    'gin (name public.gin_trgm_ops)',
  ],
  ['a document that holds another', `SELECT id FROM people WHERE doc @> '{"plan": "p77"}'`, 'gin (doc'],
  ['a field of a document', `SELECT id FROM people WHERE doc ->> 'plan' = 'p78'`, `btree ((doc ->> 'plan'`],
  ['an array that holds a value', `SELECT id FROM people WHERE tags @> ARRAY['t77']`, 'gin (tags)'],
  [
    'ranges that overlap',
    `SELECT id FROM people WHERE stay && tstzrange('2026-01-05 10:00', '2026-01-05 10:10')`,
    'gist (stay)',
  ],
  [
    'the first rows in mixed order',
    'SELECT id FROM people WHERE city = 7 ORDER BY score DESC, id LIMIT 5',
    'btree (city, score DESC, id)',
  ],
  [
    'the next page after a key',
    `SELECT * FROM people WHERE (seen, id) > ('2026-01-09', 5) ORDER BY seen, id LIMIT 20`,
    'btree (seen',
  ],
  [
    'the few rows that are open',
    `SELECT * FROM people WHERE status = 'open' ORDER BY seen LIMIT 10`,
    'btree (seen',
  ],
  ['what a function looks up', 'SELECT * FROM notes_of(7)', 'btree (person)'],
]

describe('advice for a workload', { timeout: 120_000 }, () => {
  let database: TestDatabase
  let client: Client
  let advice: Advice

  beforeAll(async () => {
    database = await createDatabase()
    client = await database.connect()
    await client.query('CREATE EXTENSION pg_trgm SCHEMA public')
    await client.query(schema)
    const text = statements.map(([name, sql]) => `-- name: ${name}\n-- calls: 1000\n${sql};`).join('\n')
    advice = await advise(client, parseWorkload(`${text}\n-- name: nonsense\nSELECT * FROM nowhere;`))
  }, 120_000)

  afterAll(async () => {
    await client.end()
    await database.drop()
  })

  test.each(statements)('finds the index for %s', (name, _sql, expected) => {
    const serving = advice.indexes.filter(({ serves }) =>
      serves.some(
        ({ statement }) =>
          statement.name === (name === 'what a function looks up' ? 'public.notes_of' : name),
      ),
    )
    expect(serving.map(({ candidate }) => definitionOf(candidate).replace(/^.* USING /, ''))).toEqual([
      expect.stringContaining(expected),
    ])
  })

  test('indexes a foreign key that no statement looks up', () => {
    const ofPages = advice.indexes.filter(({ candidate }) => candidate.table.name === 'pages')
    expect(ofPages.map(({ candidate, needs, serves }) => [candidate.keys, needs[0]?.why, serves])).toEqual([
      [['note'], 'foreign key pages_note_fkey', []],
    ])
    expect(advice.unmet).toEqual([])
  })

  test('proves that no other choice is better', () => {
    expect(advice.gap).toBeLessThan(0.001)
    expect(advice.cost.after).toBeLessThan(advice.cost.before / 5)
  })

  test('names indexes that no statement needs', () => {
    expect(advice.drops.map(({ name }) => name)).toContain('people_tags_length_idx')
  })

  test('leaves out what PostgreSQL does not plan, by name', () => {
    expect(advice.leftOut.map(({ statement, reason }) => [statement.name, reason])).toEqual([
      ['nonsense', 'relation "nowhere" does not exist'],
    ])
  })

  test('makes each statement at least ten times cheaper where it is followed', async () => {
    const blocksOf = async (): Promise<number[]> => {
      const blocks: number[] = []
      for (const [, sql] of statements) {
        const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
          `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
        )
        const plan = rows[0]?.['QUERY PLAN'][0].Plan
        blocks.push((plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0))
      }
      return blocks
    }
    const before = await blocksOf()
    await client.query('BEGIN')
    for (const { candidate } of advice.indexes) await client.query(`CREATE INDEX ${definitionOf(candidate)}`)
    await client.query('ANALYZE')
    const after = await blocksOf()
    await client.query('ROLLBACK')
    for (const [at, [name]] of statements.entries()) {
      expect((before[at] ?? 0) / (after[at] ?? 1), name).toBeGreaterThan(10)
    }
  })

  test('changes nothing on the source', async () => {
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::int FROM pg_class WHERE relname LIKE 'hundredfold%'`,
    )
    expect(rows).toEqual([{ count: 0 }])
  })
})
