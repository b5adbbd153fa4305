import { readdir } from 'node:fs/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findCacheOutbox } from '../../src/catalog/cacheOutbox.ts'
import { casaoraOwner } from '../../src/bench/casaora/load.ts'
import { borrow } from '../../src/postgres/database.ts'
import { runUp } from '../migrate/run.ts'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { startRedis } from '../support/redis.ts'

let database: TestDatabase
let owner: Client
let files: MigrationDirectory

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  const superuser = await database.connect()
  await superuser.query(`CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;
    CREATE TABLE public.theirs (id integer);
    CREATE FOREIGN TABLE public.elsewhere (id integer) SERVER far;
    GRANT USAGE ON FOREIGN SERVER far TO ${casaoraOwner};
    GRANT ALL ON SCHEMA public TO ${casaoraOwner}`)
  await owner.query(`
    CREATE DOMAIN public.moment AS timestamptz;
    CREATE TABLE public.professionals (id uuid, city_id integer, seen public.moment, score float8, "Odd Name" text);
    CREATE VIEW public.open_ones AS SELECT id FROM public.professionals;
    CREATE MATERIALIZED VIEW public.kept_ones AS SELECT id FROM public.professionals;
    CREATE TABLE public.visits (id integer, at date) PARTITION BY RANGE (at);
    CREATE TABLE public.visits_old PARTITION OF public.visits DEFAULT;
    CREATE TABLE public.mixed (id integer, at date) PARTITION BY RANGE (at);
    CREATE FOREIGN TABLE public.mixed_far PARTITION OF public.mixed DEFAULT SERVER far;
    CREATE SEQUENCE public.numbers`)
  files = await migrationDirectory({})
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await database.drop()
})

const install = (table: string, ...tags: string[]) =>
  callCommand(
    [
      ...['cache', 'install', '--table', table, '--out', files.path, '--yes', '--json', '-'],
      ...tags.flatMap((tag) => ['--tag', tag]),
    ],
    { environment: { DIRECT_URL: database.ownerUrl } },
  )

test.each([
  ['public.open_ones', 'a:{id}', 'it is a view'],
  ['public.kept_ones', 'a:{id}', 'it is a materialized view'],
  ['public.elsewhere', 'a:{id}', 'it is a foreign table'],
  ['public.numbers', 'a:{last_value}', 'it is no table'],
  ['pg_catalog.pg_class', 'a:{relname}', "it is one of PostgreSQL's own"],
  ['public.visits_old', 'a:{id}', 'it belongs to public.visits'],
  ['public.mixed', 'a:{id}', 'public.mixed_far below it is a foreign table'],
  ['public.theirs', 'a:{id}', 'public.theirs belongs to another role'],
  ['public.nowhere', 'a:{id}', 'There is no table public.nowhere'],
  ['professionals', 'a:{ID}', 'has no column "ID"'],
  ['professionals', 'a:{seen}', 'has the type public.moment, whose text is not the same in every session'],
  ['professionals', 'a:{score}', 'has the type double precision'],
  ['professionals', '{id}', 'has no name before its first brace'],
  ['professionals', 'a:{id', 'has a brace without its other half'],
])('%s with the tag %s is refused: %s', async (table, tag, reason) => {
  const { exitCode, err } = await install(table, tag)
  expect(err).toContain(reason)
  expect(exitCode).toBe(5)
  expect(await readdir(files.path)).toEqual([])
})

test('the first table brings the outbox, the second does not, and none is written twice', async () => {
  const first = await install('professionals', 'professional:{id}', 'odd {Odd Name}', 'professionals')
  expect(first).toMatchObject({ exitCode: 0, err: expect.stringContaining('written') as unknown })
  expect(JSON.parse(first.out)).toMatchObject({
    command: 'cache',
    written: [
      { file: expect.stringMatching(/_create-cache-outbox\.ts$/) as unknown },
      { file: expect.stringMatching(/_announce-changes-of-professionals\.ts$/) as unknown },
    ],
  })
  expect(JSON.parse((await install('visits', 'visit:{id}')).out)).toMatchObject({ written: [{}] })
  const pending = JSON.parse((await install('visits', 'visit:{id}', 'visits')).out) as object
  expect(pending).toMatchObject({
    written: [],
    skipped: [{ reason: expect.stringContaining('pending migration') as unknown }],
  })
  expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
  expect(JSON.parse((await install('visits', 'visit:{id}')).out)).toMatchObject({
    written: [],
    skipped: [{ reason: 'public.visits announces exactly these tags already' }],
  })
  const other = await install('visits', 'visits')
  expect(other).toMatchObject({
    exitCode: 5,
    err: expect.stringContaining('announces other tags already') as unknown,
  })
  expect(await readdir(files.path)).toHaveLength(3)
})

test('the migrations are proven reversible in a shadow', async () => {
  const { out } = await callCommand(['migrate', 'prove', '--dir', files.path, '--json', '-'], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expect(JSON.parse(out)).toMatchObject({ migrations: Array(3).fill({ reversible: true }) })
}, 120_000)

test('verify says so where the role may no longer write to the outbox', async () => {
  const superuser = await database.connect()
  await superuser.query(`REVOKE ALL ON hundredfold_cache.outbox FROM ${casaoraOwner}`)
  const run = await callCommand(['migrate', 'verify', '--dir', files.path], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  await superuser.query(`GRANT ALL ON hundredfold_cache.outbox TO ${casaoraOwner}`)
  expect(run.exitCode).toBe(2)
  expect(run.out + run.err).toContain('this role may read and write hundredfold_cache.outbox')
})

test('the reader says how much lies in the outbox and how old it is', async () => {
  await owner.query('TRUNCATE hundredfold_cache.outbox')
  expect(await findCacheOutbox(borrow(owner))).toEqual({ rows: 0, oldestSeconds: null })
  await owner.query(
    `INSERT INTO hundredfold_cache.outbox (tags, at) VALUES ('{a}', now() - interval '1 minute'), ('{b}', now())`,
  )
  const found = await findCacheOutbox(borrow(owner))
  expect(found?.rows).toBe(2)
  expect(found?.oldestSeconds).toBeGreaterThan(59)
  expect(found?.oldestSeconds).toBeLessThan(90)
  const empty = await createDatabase()
  expect(await findCacheOutbox(borrow(await empty.connect()))).toBeUndefined()
  await empty.drop()
})

describe('the worker', () => {
  test('without REDIS_URL it names the variable', async () => {
    const { exitCode, err } = await callCommand(['cache', 'invalidate', '--once'], {
      environment: { DIRECT_URL: database.ownerUrl },
    })
    expect(exitCode).toBe(5)
    expect(err).toContain('REDIS_URL is empty')
  })

  test('a Redis that cannot be reached leaves everything in the outbox, and no password is printed', async () => {
    await owner.query(`TRUNCATE hundredfold_cache.outbox; INSERT INTO professionals (city_id) VALUES (1)`)
    const { exitCode, out, err } = await callCommand(['cache', 'invalidate', '--once'], {
      environment: { DIRECT_URL: database.ownerUrl, REDIS_URL: 'redis://me:seCret@127.0.0.1:1' },
    })
    expect(exitCode).toBe(5)
    expect(err).toContain('Changes stay in the outbox')
    expect(out + err).not.toContain('seCret')
    expect((await findCacheOutbox(borrow(owner)))?.rows).toBe(1)
  })

  test('a database without an outbox is named, and what to do', async () => {
    const empty = await createDatabase()
    const { exitCode, err } = await callCommand(['cache', 'invalidate'], {
      environment: { DIRECT_URL: empty.ownerUrl, REDIS_URL: 'redis://127.0.0.1:1' },
    })
    expect(exitCode).toBe(5)
    expect(err).toContain('has no hundredfold_cache.outbox')
    await empty.drop()
  })

  test.skipIf(engineIsMissing('pgbouncer'))('a transaction pooler is refused', async () => {
    const pool = await startPgBouncer({ mode: 'transaction', logins: [database.ownerUrl] })
    const { exitCode, err } = await callCommand(['cache', 'invalidate'], {
      environment: { DIRECT_URL: pool.url(database.ownerUrl), REDIS_URL: 'redis://127.0.0.1:1' },
    })
    expect(exitCode).toBe(5)
    expect(err).toContain('pooler in transaction mode')
    await pool.stop()
  })

  describe.skipIf(engineIsMissing('redis-server'))('with Redis', () => {
    let redis: Awaited<ReturnType<typeof startRedis>>
    beforeAll(async () => {
      redis = await startRedis()
    })
    afterAll(() => redis.stop())

    const environment = () => ({ DIRECT_URL: database.ownerUrl, REDIS_URL: redis.url })

    test('once empties the outbox and says what it did', async () => {
      await owner.query('TRUNCATE hundredfold_cache.outbox')
      await owner.query(`INSERT INTO professionals (id, "Odd Name") VALUES (gen_random_uuid(), 'x y')`)
      await owner.query('INSERT INTO professionals (city_id) VALUES (1)')
      const run = await callCommand(['cache', 'invalidate', '--once'], { environment: environment() })
      expect(run).toEqual({ exitCode: 0, out: 'invalidated 3 tags of 2 changes\n', err: '' })
      const again = await callCommand(['cache', 'invalidate', '--once'], { environment: environment() })
      expect(again.out).toBe('invalidated 0 tags of 0 changes\n')
    })

    test('followed, a change is taken, and Ctrl-C ends it with 0 within a second', async () => {
      const stop = new AbortController()
      const run = callCommand(['cache', 'invalidate'], { environment: environment(), signal: stop.signal })
      await owner.query('INSERT INTO professionals (city_id) VALUES (2)')
      await expect.poll(async () => (await findCacheOutbox(borrow(owner)))?.rows, { timeout: 5_000 }).toBe(0)
      const began = performance.now()
      stop.abort()
      expect(await run).toMatchObject({ exitCode: 0, out: '' })
      expect(performance.now() - began).toBeLessThan(1_000)
    })
  })
})
