import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import type { CommandResult } from '../support/commandLine.ts'
import { callCommand } from '../support/commandLine.ts'

/** Stands in real rows, and so in statistics: nobody may see it. */
const marker = 'marker-7731'
const password = 'marker-9942'

const schema = `
  CREATE ROLE shop LOGIN PASSWORD 'x'; CREATE ROLE app LOGIN PASSWORD 'x'; CREATE ROLE gone LOGIN PASSWORD 'x';
  CREATE ROLE reader LOGIN PASSWORD 'x' BYPASSRLS; CREATE ROLE watcher LOGIN PASSWORD 'x'; CREATE ROLE stranger LOGIN PASSWORD 'x';
  GRANT pg_read_all_stats, pg_read_all_data TO reader; GRANT pg_read_all_stats TO watcher, shop;
  ALTER ROLE reader SET default_transaction_read_only = on; ALTER ROLE watcher SET default_transaction_read_only = on;
  CREATE SCHEMA shop AUTHORIZATION shop; GRANT USAGE ON SCHEMA shop TO app, gone; GRANT CREATE ON DATABASE load TO app;
  ALTER ROLE app SET search_path = shop; ALTER ROLE gone SET search_path = shop;
  SET ROLE shop;
  CREATE TABLE shop.orders (id int PRIMARY KEY, customer int NOT NULL, made timestamptz NOT NULL, status text NOT NULL, note text);
  INSERT INTO shop.orders SELECT n, n % 3000, timestamptz '2026-01-01' + n * interval '1 s',
    CASE WHEN n % 500 = 0 THEN 'open' ELSE '${marker}' END, md5(n::text) FROM generate_series(1, 30000) n;
  CREATE TABLE shop.letters (id int PRIMARY KEY, owner text NOT NULL, body text);
  INSERT INTO shop.letters SELECT n, 'user' || n % 2000, md5(n::text) FROM generate_series(1, 20000) n;
  ALTER TABLE shop.letters ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON shop.letters USING (owner = current_setting('request.jwt.claims', true)::jsonb ->> 'sub');
  CREATE STATISTICS shop.letters_stat (dependencies) ON owner, body FROM shop.letters;
  CREATE TABLE shop.heap (id int, key int); INSERT INTO shop.heap SELECT n, n FROM generate_series(1, 5000) n;
  CREATE TABLE shop.dropped (id int);
  CREATE FUNCTION shop.search(word text) RETURNS SETOF shop.orders LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN QUERY EXECUTE 'SELECT * FROM shop.orders WHERE note = $1' USING word; END $$;
  GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA shop TO app, gone;
  RESET ROLE;
  CREATE EXTENSION pg_stat_statements;
  ANALYZE shop.orders, shop.letters`

let server: Server
let admin: Client
let folder: string

beforeAll(async () => {
  server = await startEmbedded({ settings: { autovacuum: 'off' } })
  folder = mkdtempSync(join(tmpdir(), 'advise-counted-'))
  const first = await connect(server.url())
  await first.query('CREATE DATABASE load')
  await first.query('CREATE TABLE elsewhere (id int)')
  await first.query('SELECT * FROM elsewhere WHERE id = 3')
  await first.end()
  admin = await connect(server.url('load'))
  await admin.query(schema)
  await admin.query('SELECT pg_stat_statements_reset()')
  await sendAs('app', [
    ...Array.from(
      { length: 20 },
      (_, n) => `SELECT * FROM orders WHERE customer = ${n} ORDER BY made DESC LIMIT 5`,
    ),
    `SELECT count(*) FROM orders WHERE made > now() - interval '1 day'`,
    `SELECT extract(month FROM made), count(*) FROM orders WHERE status = 'open' GROUP BY 1`,
    `SELECT * FROM letters`,
    `SELECT * FROM heap WHERE key = 7`,
    `SELECT * FROM search('x')`,
    'SELECT * FROM dropped',
    'CREATE TEMP TABLE mine (id int)',
    'SELECT * FROM mine WHERE id = 3',
    `DO $$ BEGIN PERFORM count(*) FROM orders; END $$`,
    'SELECT relname FROM pg_class WHERE oid = 1259',
    `PREPARE one AS SELECT * FROM orders WHERE note = $1`,
    `EXECUTE one('x')`,
  ])
  await sendAs('gone', [`SELECT * FROM orders WHERE note = 'x'`])
  await admin.query(`ALTER ROLE app PASSWORD '${password}'`)
  await admin.query(`ALTER ROLE app PASSWORD 'x'`)
  await admin.query('DROP TABLE shop.dropped; DROP OWNED BY gone; DROP ROLE gone')
}, 120_000)

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await admin.end()
  await server.stop()
})

function urlAs(role: string): string {
  const url = new URL(server.url('load'))
  url.username = role
  url.password = 'x'
  return url.href
}

async function sendAs(role: string, statements: string[]): Promise<void> {
  const client = await connect(urlAs(role))
  for (const statement of statements) await client.query(statement)
  await client.end()
}

interface Document {
  indexes: { definition: string; serves: { query: string }[] }[]
  drops: unknown[]
  cost: { before: number }
  leftOut: { query: string; line?: number; reason: string }[]
  unsure: { about: string; reason: string }[]
}

async function advise(
  role: string,
  ...args: string[]
): Promise<CommandResult & { document: Document | undefined }> {
  const result = await callCommand(['advise', '--json', 'advice.json', ...args], {
    directory: folder,
    environment: { DIRECT_URL: urlAs(role) },
  })
  if (result.exitCode !== 0) return { ...result, document: undefined }
  const json = readFileSync(join(folder, 'advice.json'), 'utf8')
  for (const text of [result.out, result.err, json]) {
    expect(text).not.toContain(marker)
    expect(text).not.toContain(password)
  }
  return { ...result, document: JSON.parse(json) as Document }
}

describe('advice for what pg_stat_statements has counted', { timeout: 120_000 }, () => {
  let asOwner: Document
  let out: string

  beforeAll(async () => {
    const { document, ...result } = await advise('shop')
    if (!document) throw new Error(result.err)
    asOwner = document
    out = result.out
  }, 120_000)

  const reasonFor = (part: string): string | undefined =>
    asOwner.leftOut.find(({ query }) => query.includes(part))?.reason

  test('finds tables through the search_path of the role that sent the statement', () => {
    const [forCustomer] = asOwner.indexes.filter(({ definition }) => definition.includes('customer'))
    expect(forCustomer?.definition).toContain('"shop"."orders" USING btree (customer')
    expect(forCustomer?.serves[0]?.query).toMatch(
      /^-?\d+ app: SELECT \* FROM orders WHERE customer = \$1 ORDER BY/,
    )
  })

  test('plans LIMIT $1 for the rows that a call returns, so that an order is worth an index', () => {
    expect(asOwner.indexes.map(({ definition }) => definition)).toContainEqual(
      expect.stringContaining('(customer, made'),
    )
  })

  test('plans what follows PREPARE, and typed literals', () => {
    const served = asOwner.indexes.flatMap(({ serves }) => serves.map(({ query }) => query))
    expect(served).toContainEqual(expect.stringContaining('app: PREPARE one AS SELECT'))
    expect(asOwner.leftOut.map(({ query }) => query)).not.toContainEqual(
      expect.stringMatching(/interval|extract/),
    )
  })

  test.each([
    ['DO', 'the statements of a DO block are not known'],
    ['CREATE TEMP', 'PostgreSQL makes no plan for a statement of this kind'],
    ['ALTER ROLE', 'PostgreSQL makes no plan for a statement of this kind'],
    ['FROM mine', 'relation "mine" does not exist: a temporary table, or one that is gone'],
    ['FROM dropped', 'relation "dropped" does not exist: a temporary table, or one that is gone'],
    ['FROM pg_class', 'it reads no table of yours'],
    ['what shop.search sends', 'it runs SQL that it makes itself'],
  ])('leaves out %s and says why', (part, reason) => {
    expect(reasonFor(part)).toBe(reason)
  })

  test('names no line for what stands in no file', () => {
    expect(out).toMatch(/^Left out: -?\d+ app: SELECT \* FROM mine WHERE id = \$1: relation/m)
  })

  test('does not see other databases', () => {
    expect(JSON.stringify(asOwner)).not.toContain('elsewhere')
  })

  test('says that the role of a statement was dropped, and how it is planned', () => {
    expect(asOwner.unsure).toContainEqual({
      about: expect.stringContaining('(dropped role): SELECT * FROM orders WHERE note = $1') as string,
      reason: 'its role was dropped: it is planned as a superuser, without policies',
    })
  })

  test('names a table that was never analyzed', () => {
    expect(asOwner.unsure).toContainEqual({
      about: 'table shop.heap',
      reason: 'never analyzed, so its costs are guesses: run ANALYZE',
    })
    expect(out).toContain('Unsure: table shop.heap: never analyzed')
  })

  test('a role that reads everything and writes nothing gets the advice that the owner gets, and only reads', async () => {
    const counters = async (): Promise<unknown> => {
      await admin.query('SELECT pg_stat_force_next_flush()')
      const { rows } = await admin.query<Record<string, unknown>>(
        `SELECT relname, n_tup_ins, n_tup_upd, n_tup_del, n_dead_tup, analyze_count, vacuum_count
         FROM pg_stat_user_tables ORDER BY relid`,
      )
      return { rows, fingerprint: [...(await readFingerprint(admin, { except: [], roles: 'all' })).objects] }
    }
    const before = await counters()
    const { document, err } = await advise('reader')
    expect(err).toBe('')
    expect(await counters()).toEqual(before)
    expect(document?.indexes).toEqual(asOwner.indexes)
    expect(document?.drops).toEqual(asOwner.drops)
    // What the first run sent itself is counted, too.
    expect(document?.cost.before).toBeCloseTo(asOwner.cost.before, -2)
    const { rows } = await admin.query<{ query: string }>(
      `SELECT query FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'reader'`,
    )
    expect(rows.filter(({ query }) => /EXPLAIN.*ANALYZE/is.test(query))).toEqual([])
    const commands = rows.map(({ query }) => query.trim().split(/\s+/)[0]?.toUpperCase())
    expect([...new Set(commands)].sort()).toEqual([
      'BEGIN',
      'DEALLOCATE',
      'EXPLAIN',
      'RELEASE',
      'ROLLBACK',
      'SAVEPOINT',
      'SELECT',
      'SET',
      'WITH',
    ])
    for (const { query } of rows.filter(({ query: text }) => /^begin/i.test(text)))
      expect(query).toContain('READ ONLY')
  })

  test('says so where PostgreSQL shows extended statistics to the owner alone', async () => {
    const { document } = await advise('reader')
    expect(document?.unsure.find(({ about }) => about === 'table shop.letters')?.reason).toContain(
      'this role sees no extended statistics of it',
    )
    expect(asOwner.unsure.map(({ about }) => about)).not.toContain('table shop.letters')
  })

  test('a role that reads only statistics gets advice, and hears of which tables it saw none', async () => {
    const { exitCode, document, out: lines } = await advise('watcher')
    expect(exitCode).toBe(0)
    expect(document?.unsure.map(({ about }) => about)).toEqual(
      expect.arrayContaining(['table shop.orders', 'table shop.letters']),
    )
    expect(lines).toContain('Unsure: table shop.orders: this role sees no statistics of all its columns')
  })

  test('a role that sees no statement of others says how much that is', async () => {
    const { exitCode, err } = await advise('stranger')
    expect(exitCode).toBe(5)
    expect(err).toContain('The workload is empty')
    expect(err).toContain('pg_read_all_stats')
  })

  test('counts only what ran since an earlier look', async () => {
    const first = await advise('shop', '--keep-counts', 'first.json')
    expect(first.exitCode).toBe(0)
    expect(readFileSync(join(folder, 'first.json'), 'utf8')).not.toContain('orders')
    await sendAs('app', ["SELECT * FROM orders WHERE note = 'y' AND status = 'open'"])
    const { document } = await advise('shop', '--since', 'first.json')
    expect(document?.indexes.flatMap(({ serves }) => serves.map(({ query }) => query))).toEqual([
      expect.stringContaining('WHERE note = $1 AND status = $2'),
    ])
  })

  test.each([
    ['is not there', undefined, 'cannot be read'],
    ['holds something else', '{"a": 1}', 'holds no counts of pg_stat_statements'],
    [
      'is of another database',
      '{"schemaVersion":1,"database":"other","takenAt":"","countedSince":null,"counts":[]}',
      'holds counts of the database other, and this one is load',
    ],
  ])('refuses --since with a file that %s', async (_what, text, message) => {
    if (text !== undefined) writeFileSync(join(folder, 'odd.json'), text)
    const { exitCode, err } = await advise(
      'shop',
      '--since',
      text === undefined ? 'nowhere.json' : 'odd.json',
    )
    expect(exitCode).toBe(5)
    expect(err).toContain(message)
  })

  test('refuses counts from before a reset, and says when it was', async () => {
    await admin.query('SELECT pg_stat_statements_reset()')
    const { rows } = await admin.query<{ at: Date }>('SELECT stats_reset AS at FROM pg_stat_statements_info')
    const { exitCode, err } = await advise('shop', '--since', 'first.json')
    expect(exitCode).toBe(5)
    expect(err).toContain(`pg_stat_statements was reset at ${rows[0]?.at.toISOString()}`)
  })

  test('says so where nothing was counted', async () => {
    await admin.query('SELECT pg_stat_statements_reset()')
    const { exitCode, err } = await advise('shop')
    expect(exitCode).toBe(5)
    expect(err).toContain('The workload is empty')
  })
})
