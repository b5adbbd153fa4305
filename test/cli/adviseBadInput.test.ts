import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import type { EmbeddedServer } from '../../src/servers/embedded.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { CommandResult } from '../support/commandLine.ts'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'advise-bad-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Document {
  indexes: { definition: string }[]
  drops: { name: string }[]
  leftOut: { query: string; line: number; reason: string }[]
  unsure: { about: string; reason: string }[]
}

async function advise(
  url: string,
  workload: string,
  ...args: string[]
): Promise<CommandResult & { document?: Document }> {
  writeFileSync(join(folder, 'workload.sql'), workload)
  const result = await callCommand(
    ['advise', '--workload', 'workload.sql', '--json', 'advice.json', ...args],
    { directory: folder, environment: { DIRECT_URL: url } },
  )
  if (result.exitCode !== 0) return result
  return { ...result, document: JSON.parse(readFileSync(join(folder, 'advice.json'), 'utf8')) as Document }
}

const good = `
-- name: good
-- calls: 100
-- types: int
-- args: 7
SELECT * FROM orders WHERE customer = $1;
`

describe('a workload file with statements that cannot be planned', { timeout: 60_000 }, () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createDatabase()
    const owner = await database.connect(database.ownerUrl)
    await owner.query(
      `CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, note text);
       INSERT INTO orders SELECT n, n % 3000, md5(n::text) FROM generate_series(1, 30000) n;
       CREATE INDEX orders_note_idx ON orders (note);
       ANALYZE orders;
       CREATE TABLE fresh (id int, key int); INSERT INTO fresh SELECT n, n FROM generate_series(1, 9000) n`,
    )
    await owner.end()
  })
  afterAll(() => database.drop())

  test('names each with its line and the reason, and goes on', async () => {
    const { exitCode, out, document } = await advise(
      database.ownerUrl,
      `${good}
-- name: misspelt
SELECT * FORM orders;
-- name: ends_in_a_comment
SELECT * FROM orders WHERE note = 'x' -- the note
;
-- name: table_is_temporary
SELECT * FROM mine WHERE id = 3;
-- name: changes_the_schema
CREATE TABLE more (id int);
-- name: block
DO $$ BEGIN PERFORM 1; END $$;
-- name: one_of_two_arguments
-- types: int
-- args: 7
-- args: 'seven'
SELECT * FROM orders WHERE customer = $1;
-- name: nobody
-- role: nobody_at_all
SELECT * FROM orders WHERE customer = 8;
-- name: not_analyzed
SELECT * FROM fresh WHERE key = 7;
-- name: unfinished
SELECT * FROM orders WHERE note = 'x;
`,
    )
    expect(exitCode).toBe(0)
    expect(document?.leftOut).toEqual([
      { query: 'misspelt', line: 9, reason: 'syntax error at or near "FORM"' },
      { query: 'table_is_temporary', line: 14, reason: 'relation "mine" does not exist' },
      {
        query: 'changes_the_schema',
        line: 16,
        reason: 'PostgreSQL makes no plan for a statement of this kind',
      },
      { query: 'block', line: 18, reason: 'the statements of a DO block are not known' },
      {
        query: 'one_of_two_arguments',
        line: 23,
        reason: 'invalid input syntax for type integer: "seven"',
      },
      { query: 'nobody', line: 26, reason: 'role "nobody_at_all" does not exist' },
      {
        query: 'unfinished',
        line: 30,
        reason: expect.stringMatching(/^unterminated quoted string at or near "'x;?\s*"$/) as string,
      },
    ])
    expect(out).toContain('Left out: misspelt, line 9: syntax error at or near "FORM"')
    expect(document?.indexes[0]?.definition).toContain('(customer)')
    expect(document?.unsure).toEqual([
      { about: 'table public.fresh', reason: 'never analyzed, so its costs are guesses: run ANALYZE' },
    ])
  })

  test('lists only drops for a budget of zero, and says so', async () => {
    const { exitCode, out, document } = await advise(database.ownerUrl, good, '--budget', '0')
    expect(exitCode).toBe(0)
    expect(document?.indexes).toEqual([])
    expect(document?.drops.map(({ name }) => name)).toEqual(['public.orders_note_idx'])
    expect(out).toContain('With a budget of zero nothing is built: only drops are listed.')
  })

  test.each([
    ['an empty file', '', 'The workload is empty.'],
    ['no statement that can be planned', 'SELECT * FROM nowhere;', 'None of the 1 statements'],
    ['a mean that is no time', '-- mean: long\nSELECT 1;', '`mean` is "long"'],
  ])('refuses %s', async (_what, text, message) => {
    const { exitCode, err } = await advise(database.ownerUrl, text)
    expect(exitCode).toBe(5)
    expect(err).toContain(message)
  })

  test('refuses a file that is not there, and counts of pg_stat_statements beside a file', async () => {
    const environment = { DIRECT_URL: database.ownerUrl }
    const missing = await callCommand(['advise', '--workload', 'nowhere.sql'], { environment })
    expect(missing.exitCode).toBe(5)
    expect(missing.err).toContain('The workload nowhere.sql cannot be read.')
    const both = await advise(database.ownerUrl, good, '--since', 'first.json')
    expect(both.exitCode).toBe(5)
    expect(both.err).toContain('--keep-counts and --since are for pg_stat_statements')
  })

  test.skipIf(process.getuid?.() === 0)('refuses a file that may not be read', async () => {
    const file = join(folder, 'secret.sql')
    writeFileSync(file, good)
    chmodSync(file, 0)
    const { exitCode, err } = await callCommand(['advise', '--workload', file], {
      environment: { DIRECT_URL: database.ownerUrl },
    })
    expect(exitCode).toBe(5)
    expect(err).toContain('cannot be read')
  })
})

describe('a database with an extension that is not there', { timeout: 60_000 }, () => {
  let server: EmbeddedServer

  beforeAll(async () => {
    // Trusting an extension makes the server run from a copy of its installation, which we may add to.
    server = await startEmbedded({ trustedExtensions: ['pg_trgm'] })
    const extensions = join(server.installationDirectory, 'share/postgresql/extension')
    writeFileSync(join(extensions, 'faraway.control'), `default_version = '1.0'\nrelocatable = true\n`)
    writeFileSync(
      join(extensions, 'faraway--1.0.sql'),
      `CREATE TYPE place;
       CREATE FUNCTION place_in(cstring) RETURNS place LANGUAGE internal IMMUTABLE STRICT AS 'textin';
       CREATE FUNCTION place_out(place) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
       CREATE TYPE place (INPUT = place_in, OUTPUT = place_out, LIKE = text);
       CREATE FUNCTION nearer(place, place) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'text_lt';
       CREATE OPERATOR <~ (FUNCTION = nearer, LEFTARG = place, RIGHTARG = place);`,
    )
    const source = await connect(server.url())
    await source.query(
      `CREATE EXTENSION faraway;
       CREATE TABLE towns (id int PRIMARY KEY, at place, name text);
       INSERT INTO towns SELECT n, 'x', md5(n::text) FROM generate_series(1, 9000) n;
       ANALYZE towns`,
    )
    await source.end()
  })
  afterAll(() => server.stop())

  test('names the extension and what depends on it, leaves out what needs it, and advises the rest', async () => {
    const { exitCode, document, out } = await advise(
      server.url(),
      `-- name: by_name
SELECT id FROM towns WHERE name = 'x';
-- name: by_place
SELECT id FROM towns WHERE at <~ 'here';`,
    )
    expect(exitCode).toBe(0)
    expect(document?.indexes[0]?.definition).toContain('(name)')
    expect(document?.leftOut).toEqual([
      { query: 'by_place', line: 4, reason: 'operator does not exist: place <~ unknown' },
    ])
    expect(document?.unsure.map(({ about }) => about)).toEqual(
      expect.arrayContaining(['extension faraway', 'column public.towns.at']),
    )
    expect(out).toContain('Unsure: extension faraway: not available here')
  })
})
