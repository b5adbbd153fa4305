import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { chooseTakeBack, takeBack } from '../../src/migrate/gain/takeBack.ts'
import type { MigrationGain } from '../../src/migrate/gain/verifyGain.ts'
import { verifyGain } from '../../src/migrate/gain/verifyGain.ts'
import type { RunEvent } from '../../src/migrate/runOptions.ts'
import { defaultRunOptions } from '../../src/migrate/runOptions.ts'
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

/** Sends the load until nothing is unknown any more: on a busy machine a difference needs more calls to be no chance. */
async function gainsOnceDecided(only?: string[]): Promise<MigrationGain[]> {
  for (let look = 1; ; look += 1) {
    await run(110, only)
    const all = await gains()
    if (look === 20 || all.every(({ verdict }) => verdict !== 'unknown')) return all
  }
}

async function up(options: Parameters<typeof runUp>[2] = {}): Promise<RunEvent[]> {
  const events: RunEvent[] = []
  const { failure } = await runUp(owner, files.path, { onEvent: (event) => events.push(event), ...options })
  expect(failure).toBeUndefined()
  return events
}

function migrate(...args: string[]) {
  return callCommand(['migrate', ...args, '--dir', files.path], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
}

const verdicts = (all: MigrationGain[]) => Object.fromEntries(all.map(({ name, verdict }) => [name, verdict]))

describe('verify --gain', () => {
  test('tells a helpful, a useless and a harmful index of one run apart; the harmful one is taken back', async () => {
    await files.write(`${helpful}.ts`, index('orders.customer_id', { noTransaction: true }))
    await files.write(`${trap}.ts`, index('events.created_at'))
    await files.write(`${useless}.ts`, index('products.weight'))
    await run(110)
    await up()
    const all = await gainsOnceDecided()
    expect(verdicts(all)).toEqual({ [helpful]: 'gained', [trap]: 'lost', [useless]: 'unused' })
    const [faster] = all[0]?.statements ?? []
    expect(faster).toMatchObject({ verdict: 'gained', blocksAfter: 3, role: 'casaora_owner' })
    expect(faster?.query).toBe('SELECT count(*) FROM public.orders WHERE customer_id = $1')

    const unasked = await migrate('verify', '--gain', '--take-back')
    expect(unasked.exitCode).toBe(5)
    expect(unasked.err).toContain('--yes')
    const asked = await migrate('verify', '--gain', '--take-back', '--yes', '--json', '-')
    expect(asked.exitCode).toBe(4)
    const document = JSON.parse(asked.out) as { takenBack: { name: string }[]; migrations: MigrationGain[] }
    expect(document.takenBack.map(({ name }) => name)).toEqual([trap])
    expect(verdicts(document.migrations)[trap]).toBe('lost')
    expect(await indexNames()).toEqual(['orders_customer_id_idx', 'products_weight_idx'])

    // It stays away, but does not stop later migrations.
    expect((await migrate('status')).out).toContain(`${trap}  pending, taken back by verify --gain`)
    const later = '20260104000000000_create-sessions-seen-idx'
    await files.write(`${later}.ts`, index('sessions.seen_at'))
    const again = await migrate('up')
    expect(again.exitCode).toBe(0)
    expect(again.out).toContain('took it back')
    expect(await indexNames()).toEqual([
      'orders_customer_id_idx',
      'products_weight_idx',
      'sessions_seen_at_idx',
    ])
    expect(verdicts(await gains())[trap]).toBeUndefined()
    // Whoever wants it after all names it.
    expect((await migrate('up', '--to', trap)).exitCode).toBe(0)
    expect(await indexNames()).toContain('events_created_at_idx')
    expect((await migrate('status')).out).toContain('4 applied')
  })

  test('an unused index is left until 35 days have passed', async () => {
    await files.write(`${useless}.ts`, index('products.weight'))
    await run(40, ['product'])
    await up()
    await run(110, ['product'])
    const all = await gains()
    expect(verdicts(all)).toEqual({ [useless]: 'unused' })
    const options = { client: owner, statementTimeoutMs: 60_000 }
    const migrations = await loadMigrations(files.path)
    const early = await chooseTakeBack(migrations, all, options)
    expect(early.chosen).toEqual([])
    expect(early.left[0]?.reason).toContain('not used so far; taken back if that is still so on ')

    const old = all.map((gain) => ({
      ...gain,
      indexes: gain.indexes.map((each) => ({ ...each, takenBackFrom: '2026-01-01T00:00:00.000Z' })),
    }))
    expect((await chooseTakeBack(migrations, old, options)).chosen.map(({ name }) => name)).toEqual([useless])

    // Whoever deletes a row that a foreign key refers to needs it, however seldom that is.
    await owner.query(`CREATE TABLE public.weights (weight int PRIMARY KEY);
      INSERT INTO public.weights SELECT generate_series(0, 9);
      ALTER TABLE public.products ADD FOREIGN KEY (weight) REFERENCES public.weights`)
    const needed = await chooseTakeBack(migrations, old, options)
    await owner.query('DROP TABLE public.weights CASCADE')
    expect(needed.chosen).toEqual([])
    expect(needed.left[0]?.reason).toContain('is the only index for a foreign key')
  })

  test('an index that is dropped makes statements slower, and comes back', async () => {
    await owner.query('CREATE INDEX orders_customer_id_idx ON public.orders (customer_id)')
    const drop = '20260101000000000_drop-orders-customer-idx'
    await files.write(
      `${drop}.ts`,
      sqlMigration({
        up: ['DROP INDEX public.orders_customer_id_idx'],
        down: ['CREATE INDEX orders_customer_id_idx ON public.orders (customer_id)'],
      }),
    )
    const only = ['orders', ...Object.keys(load).filter((name) => name.startsWith('control'))]
    await run(110, only)
    await up()
    expect(verdicts(await gainsOnceDecided(only))).toEqual({ [drop]: 'lost' })
    expect((await migrate('verify', '--gain', '--take-back', '--yes')).exitCode).toBe(4)
    expect(await indexNames()).toEqual(['orders_customer_id_idx'])
  })

  test('what a later migration depends on is left, with the reason', async () => {
    const [first, second] = [helpful, '20260109000000000_cluster-orders']
    await files.write(`${first}.ts`, index('orders.customer_id'))
    await files.write(
      `${second}.ts`,
      sqlMigration({
        up: ['ALTER TABLE public.orders CLUSTER ON orders_customer_id_idx'],
        down: ['ALTER TABLE public.orders SET WITHOUT CLUSTER'],
      }),
    )
    await up()
    const lost = (await gains()).map((gain) =>
      gain.name === first ? { ...gain, verdict: 'lost' as const } : gain,
    )
    const choice = await chooseTakeBack(await loadMigrations(files.path), lost, {
      client: owner,
      statementTimeoutMs: 60_000,
    })
    expect(choice.chosen).toEqual([])
    expect(choice.left[0]?.reason).toContain(`${second}, applied later, names orders_customer_id_idx`)
    await runDown(owner, files.path)
  })

  test('two migrations of one run that touch the same statement are not told apart', async () => {
    const other = '20260104000000000_set-orders-fillfactor'
    await files.write(`${helpful}.ts`, index('orders.customer_id'))
    await files.write(
      `${other}.ts`,
      sqlMigration({
        up: ['ALTER TABLE public.orders SET (fillfactor = 90)'],
        down: ['ALTER TABLE public.orders RESET (fillfactor)'],
      }),
    )
    await run(40, ['orders'])
    await up()
    await run(40, ['orders'])
    const [gain] = await gains()
    expect(gain).toMatchObject({ verdict: 'unknown' })
    expect(gain?.reason).toContain(`${other} was applied in the same run and touches it too`)
    await runDown(owner, files.path)
  })

  test('a later migration on the same table ends the interval of the earlier one', async () => {
    const second = '20260105000000000_drop-orders-customer-idx'
    await files.write(`${helpful}.ts`, index('orders.customer_id'))
    await run(40, ['orders'])
    await up()
    await run(50, ['orders'])
    await files.write(
      `${second}.ts`,
      sqlMigration({
        up: ['DROP INDEX public.orders_customer_id_idx'],
        down: ['CREATE INDEX orders_customer_id_idx ON public.orders (customer_id)'],
      }),
    )
    await up()
    await run(60, ['orders'])
    const [made, dropped] = await gains()
    expect(made?.statements[0]).toMatchObject({ callsBefore: 40, calls: 50, blocksAfter: 3 })
    expect(dropped?.statements[0]).toMatchObject({ callsBefore: 50, calls: 60, blocksBefore: 3 })
  })

  test('few calls are no evidence', async () => {
    await files.write(`${helpful}.ts`, index('orders.customer_id'))
    await run(40, ['orders'])
    await up()
    await run(29, ['orders'])
    const [gain] = await gains()
    expect(gain).toMatchObject({ verdict: 'unknown', reason: 'too few calls since the migration: 29 of 30' })
  })
})

describe('counters that cannot be compared', () => {
  beforeEach(async () => {
    await files.write(`${helpful}.ts`, index('orders.customer_id'))
    await run(40, ['orders'])
    await up()
    await run(40, ['orders'])
  })

  const after = '(SELECT after FROM hundredfold.changes)'
  test.each([
    ['a reset', `UPDATE hundredfold.readings SET reset_at = reset_at - interval '1 h'`, 'was reset at'],
    [
      'an entry that began anew',
      `UPDATE hundredfold.readings SET statements = (
         SELECT jsonb_agg(jsonb_set(each, '{1}', '1000')) FROM jsonb_array_elements(statements) each)
       WHERE id = ${after}`,
      'dropped its entry meanwhile',
    ],
    [
      'entries that were evicted, before PostgreSQL 17',
      `UPDATE hundredfold.readings SET evictions = evictions - 1, statements = (
         SELECT jsonb_agg(jsonb_set(each, '{5}', 'null')) FROM jsonb_array_elements(statements) each)`,
      undefined,
    ],
    [
      'a run that was cut off before it wrote into the log',
      'DELETE FROM hundredfold.changes',
      'no counters were kept',
    ],
    ['readings that are gone', 'DELETE FROM hundredfold.readings', 'no longer kept'],
  ])('%s: the verdict is unknown, with the reason', async (_, damage, reason) => {
    await owner.query(damage)
    const [gain] = await gains()
    expect(gain?.verdict).toBe('unknown')
    if (reason !== undefined) expect(gain?.reason).toContain(reason)
  })
})

describe('migrate up goes on', () => {
  test('where pg_stat_statements is not installed, and says so', async () => {
    await superuser.query('DROP EXTENSION pg_stat_statements')
    try {
      await files.write(`${helpful}.ts`, index('orders.customer_id'))
      expect(await up()).toContainEqual({
        kind: 'gainNotKept',
        reason: 'pg_stat_statements is not installed in this database',
      })
      const [gain] = await gains()
      expect(gain).toMatchObject({
        verdict: 'unknown',
        reason: 'pg_stat_statements is not installed in this database',
      })
    } finally {
      await superuser.query('CREATE EXTENSION pg_stat_statements')
    }
  })

  test('where a migration drops pg_stat_statements, and says so', async () => {
    await superuser.query(`CREATE FUNCTION public.drop_counters() RETURNS void LANGUAGE sql SECURITY DEFINER
      AS 'DROP EXTENSION pg_stat_statements'`)
    try {
      const drop = sqlMigration({ up: ['SELECT public.drop_counters()'], down: ['SELECT 1'] })
      await files.write(`${helpful}.ts`, drop)
      expect(await up()).toContainEqual({
        kind: 'gainNotKept',
        reason: 'pg_stat_statements is not installed in this database',
      })
    } finally {
      await superuser.query('DROP FUNCTION public.drop_counters()')
      await superuser.query('CREATE EXTENSION pg_stat_statements')
    }
  })

  test('as a role that sees no statement of others', async () => {
    await files.write(`${helpful}.ts`, index('orders.customer_id'))
    await superuser.query('SELECT count(*) FROM public.orders WHERE customer_id = 7')
    await up()
    const [gain] = await gains()
    expect(gain?.verdict).toBe('unknown')
    expect(gain?.reason).toMatch(/\d+ of other roles are hidden: GRANT pg_read_all_stats/)
  })

  test('on a ledger from before there was a log', async () => {
    await owner.query(`
      CREATE SCHEMA hundredfold;
      CREATE TABLE hundredfold.migrations (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE,
        checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
        state text NOT NULL CHECK (state IN ('applied', 'applying', 'reverting')),
        adopted boolean NOT NULL DEFAULT false,
        statements_done integer NOT NULL DEFAULT 0,
        undo jsonb NOT NULL DEFAULT '[]',
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        applied_at timestamptz)`)
    await files.write(`${helpful}.ts`, index('orders.customer_id'))
    await up()
    const migrations = await loadMigrations(files.path)
    const options = { ...defaultRunOptions, client: owner }
    const { ran } = await takeBack(migrations, [{ name: helpful, reason: 'a test' }], options)
    expect(ran.map(({ name }) => name)).toEqual([helpful])
    expect(await indexNames()).toEqual([])
    expect((await runUp(owner, files.path)).ran).toEqual([])
    expect((await runUp(owner, files.path, { to: helpful })).ran).toHaveLength(1)
    expect((await runDown(owner, files.path)).failure).toBeUndefined()
  })
})

test('no constant of any statement is in the document, not even of utility statements', async () => {
  await files.write(`${helpful}.ts`, index('orders.customer_id'))
  for (let turn = 0; turn < 35; turn += 1) {
    await owner.query(`COMMENT ON TABLE public.orders IS 'hush'`)
    await owner.query(`COPY (SELECT 'hush' FROM public.orders LIMIT 1) TO STDOUT`).catch(() => undefined)
    await owner.query(`SELECT note FROM public.orders WHERE note = 'hush' ORDER BY 1`)
  }
  await up()
  await run(30, ['orders'])
  await owner.query(`SELECT note FROM public.orders WHERE note = 'hush' ORDER BY 1`)
  const text = JSON.stringify(await gains())
  expect(text).toContain('SELECT note FROM public.orders WHERE note =')
  expect(text).not.toContain('hush')
})

async function indexNames(): Promise<string[]> {
  const { rows } = await owner.query<{ name: string }>(
    `SELECT indexrelid::regclass::text AS name FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
     WHERE relnamespace = 'public'::regnamespace AND relname ~ '(customer_id|created_at|weight|seen_at)_idx$'
     ORDER BY 1`,
  )
  return rows.map(({ name }) => name)
}
