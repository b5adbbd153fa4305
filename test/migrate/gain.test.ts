import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import type { MigrationGain } from '../../src/migrate/gain/verifyGain.ts'
import { verifyGain } from '../../src/migrate/gain/verifyGain.ts'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { runDown, runUp } from './run.ts'

let database: TestDatabase
let owner: Client
let superuser: Client
let files: MigrationDirectory

/** What the application sends. The last five touch no table that a migration changes. */
const load = {
  orders: 'SELECT count(*) FROM public.orders WHERE customer_id = 7',
  latest: `SELECT * FROM public.events WHERE tenant = 3 ORDER BY created_at LIMIT 5`,
  seen: 'UPDATE public.sessions SET seen_at = seen_at + interval $$1 s$$ WHERE id = 11',
  product: 'SELECT * FROM public.products WHERE id = 5',
  ...Object.fromEntries(
    [1, 2, 3, 4, 5].map((number) => [
      `control${number}`,
      `SELECT count(*), ${'1 + '.repeat(number)}1 FROM public.untouched WHERE note LIKE 'a%'`,
    ]),
  ),
}

const index = (on: string, options: { noTransaction?: boolean } = {}) => {
  const [table = '', column = ''] = on.split('.')
  const concurrently = options.noTransaction ? 'CONCURRENTLY ' : ''
  return sqlMigration({
    up: [`CREATE INDEX ${concurrently}${table}_${column}_idx ON public.${table} (${column})`],
    down: [`DROP INDEX ${concurrently}public.${table}_${column}_idx`],
    ...options,
  })
}

const helpful = '20260101000000000_create-orders-customer-idx'
const trap = '20260102000000000_create-events-created-idx'
const useless = '20260103000000000_create-products-weight-idx'

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  superuser = await database.connect()
  await superuser.query('CREATE EXTENSION pg_stat_statements')
  await superuser.query('GRANT CREATE ON SCHEMA public TO casaora_owner')
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE TABLE public.orders AS
      SELECT id, id % 500 AS customer_id, repeat('x', 40) AS note FROM generate_series(1, 12000) id;
    -- The newest rows are those of tenant 3: in the order of created_at they come last.
    CREATE TABLE public.events AS
      SELECT id, CASE WHEN id > 11500 THEN 3 ELSE id % 2 END AS tenant, repeat('x', 40) AS note,
        timestamp '2026-01-01' + id * interval '1 s' AS created_at
      FROM (SELECT generate_series(1, 12000) AS id ORDER BY random()) shuffled;
    CREATE INDEX events_tenant_idx ON public.events (tenant);
    CREATE TABLE public.sessions (id int PRIMARY KEY, seen_at timestamp) WITH (fillfactor = 50);
    INSERT INTO public.sessions SELECT id, '2026-01-01' FROM generate_series(1, 500) id;
    CREATE TABLE public.products (id int PRIMARY KEY, weight int);
    INSERT INTO public.products SELECT id, id % 10 FROM generate_series(1, 2000) id;
    CREATE TABLE public.untouched AS SELECT md5(id::text) AS note FROM generate_series(1, 3000) id`)
  await owner.query('VACUUM ANALYZE')
})
beforeEach(async () => {
  files = await migrationDirectory()
})
afterEach(async () => {
  await superuser.query('DROP SCHEMA IF EXISTS hundredfold CASCADE')
  await superuser.query(`DROP INDEX IF EXISTS public.orders_customer_id_idx, public.events_created_at_idx,
    public.products_weight_idx, public.sessions_seen_at_idx`)
  await forgetCounters()
  await files[Symbol.asyncDispose]()
})
afterAll(() => database.drop())

/** Only those of this database: other tests look at theirs. */
async function forgetCounters(): Promise<void> {
  await superuser.query(
    `SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)`,
  )
}

async function run(times: number, only = Object.keys(load)): Promise<void> {
  for (let turn = 0; turn < times; turn += 1) {
    for (const [name, sql] of Object.entries(load)) if (only.includes(name)) await owner.query(sql)
  }
  await owner.query('SELECT pg_stat_force_next_flush()')
}

async function gains(): Promise<MigrationGain[]> {
  return verifyGain(await loadMigrations(files.path), {
    client: owner,
    statementTimeoutMs: 60_000,
    leastWindowMs: 0,
  })
}

const verdicts = (all: MigrationGain[]) => Object.fromEntries(all.map(({ name, verdict }) => [name, verdict]))

describe('verify --gain', () => {
  test('tells a helpful, a useless and a harmful index of one run apart', async () => {
    await files.write(`${helpful}.ts`, index('orders.customer_id', { noTransaction: true }))
    await files.write(`${trap}.ts`, index('events.created_at'))
    await files.write(`${useless}.ts`, index('products.weight'))
    await run(50)
    const { failure } = await runUp(owner, files.path)
    expect(failure).toBeUndefined()
    await run(120)

    const all = await gains()
    expect(verdicts(all)).toEqual({ [helpful]: 'gained', [trap]: 'lost', [useless]: 'unused' })
  })
})
