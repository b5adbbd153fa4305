import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import type { PartitionPlan } from '../../src/partition/plan.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import type { PartitionRequest } from '../../src/partition/request.ts'
import { connect } from '../../src/postgres/connect.ts'
import { qualified } from '../../src/postgres/identifiers.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { startWireProxy } from '../support/wireProxy.ts'
import { checksums, newOrders, shop, shopRequest } from './shop.ts'
import { writeSeries } from './writeSeries.ts'

let database: TestDatabase
let owner: Client
let superuser: Client
let files: MigrationDirectory

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  superuser = await database.connect()
})
beforeEach(async () => {
  await superuser.query(`
    DROP SCHEMA IF EXISTS shop CASCADE; DROP SCHEMA IF EXISTS private CASCADE; DROP SCHEMA IF EXISTS hundredfold CASCADE;
    DROP PUBLICATION IF EXISTS orders_out`)
  await owner.query(shop)
  files = await migrationDirectory()
  return () => files[Symbol.asyncDispose]()
})
afterAll(() => database.drop())

/** Writes the series of the scene's table, after the scene was changed. */
async function plan(request: Partial<PartitionRequest> = {}): Promise<PartitionPlan> {
  const plan = await planPartitions(owner, { ...shopRequest, ...request })
  await writeSeries(files.path, plan.operations)
  return plan
}

async function up(to?: string): Promise<string | undefined> {
  const names = to === undefined ? {} : { to: await nameOf(to) }
  return (await runUp(owner, files.path, names)).failure?.message
}

async function down(to?: string): Promise<string | undefined> {
  const names = to === undefined ? {} : { to: await nameOf(to) }
  return (await runDown(owner, files.path, names)).failure?.message
}

/** The migration of the series whose name holds the text. */
async function nameOf(text: string): Promise<string> {
  const { readdir } = await import('node:fs/promises')
  const name = (await readdir(files.path)).find((each) => each.includes(text))
  if (name === undefined) throw new Error(`no migration ${text}`)
  return name.replace(/\.ts$/, '')
}

const rows = async (): Promise<unknown> => (await owner.query(checksums)).rows[0]
const fingerprint = async (): Promise<string> => (await readFingerprint(superuser)).text
const state = async (): Promise<unknown> =>
  (await owner.query(`SELECT name, state FROM hundredfold.migrations WHERE state <> 'applied'`)).rows

describe('a key without NOT NULL', () => {
  test('is made NOT NULL by the series, and may be NULL again after it', async () => {
    await owner.query('ALTER TABLE shop.orders ALTER ordered_at DROP NOT NULL')
    const before = await fingerprint()
    expect((await plan()).refused).toEqual([])
    expect(await up()).toBeUndefined()
    await expect(owner.query('INSERT INTO shop.orders (person, cents) VALUES (1, 1)')).rejects.toThrow(
      /violates not-null constraint|null value in column "ordered_at"/,
    )
    expect(await down()).toBeUndefined()
    expect(await fingerprint()).toBe(before)
  })

  test('with rows that have none is refused by its name', async () => {
    await owner.query(`ALTER TABLE shop.orders ALTER ordered_at DROP NOT NULL;
      UPDATE shop.orders SET ordered_at = NULL WHERE id = 7`)
    expect((await plan()).refused).toMatchObject([{ name: 'shop.orders.ordered_at', acceptable: false }])
  })

  test('gets a row that has none before the series begins: the condition says so, and the rest goes on later', async () => {
    await owner.query('ALTER TABLE shop.orders ALTER ordered_at DROP NOT NULL')
    await plan()
    await owner.query('UPDATE shop.orders SET ordered_at = NULL WHERE id = 7')
    expect(await up()).toMatch(/ordered_at.*below/)
    await owner.query('UPDATE shop.orders SET ordered_at = now() WHERE id = 7')
    expect(await up()).toBeUndefined()
  })
})

describe('rows beyond the bound', () => {
  test('are refused from the check to the swap by a constraint that names the table and the key, and by default the bound lies a month away', async () => {
    const { subject } = await plan()
    const soon = `INSERT INTO shop.orders (ordered_at, person, cents) VALUES (now() + interval '30 days', 1, 1)`
    const late = `INSERT INTO shop.orders (ordered_at, person, cents) VALUES (now() + interval '70 days', 1, 1)`
    expect(subject?.bound).toBe('orders_ordered_at_bound')
    expect(await up('bound')).toBeUndefined()
    await owner.query(soon)
    await expect(owner.query(late)).rejects.toThrow(
      'new row for relation "orders" violates check constraint "orders_ordered_at_bound"',
    )
    expect(await up()).toBeUndefined()
    await owner.query(late)
  })

  test('that came before the check are named, and the series goes on once they are gone', async () => {
    await plan()
    await owner.query(
      `INSERT INTO shop.orders (id, ordered_at, person, cents) VALUES (9999, '2099-01-01', 1, 1)`,
    )
    expect(await up()).toMatch(/orders.*2099-01-01/s)
    expect(await state()).toEqual([])
    await owner.query('DELETE FROM shop.orders WHERE id = 9999')
    expect(await up()).toBeUndefined()
  })
})

test('keys that change before, during and after take their children along', async () => {
  const change = async (id: number, days: number) =>
    owner.query(`UPDATE shop.orders SET ordered_at = now() + interval '${days} days' WHERE id = ${id}`)
  const children = async () =>
    (
      await owner.query(`SELECT count(*)::int AS count FROM shop.items i JOIN shop.orders o
        ON o.id = i.order_id AND o.ordered_at = i.orders_ordered_at WHERE o.id IN (5, 6, 7)`)
    ).rows
  await change(5, -1)
  await plan()
  expect(await up('carry-ordered-at-to-returns')).toBeUndefined()
  await change(6, -2)
  expect(await up()).toBeUndefined()
  await change(5, 70)
  await change(6, 100)
  await change(7, 400)
  expect(await children()).toEqual([{ count: 3 }])
  const there = await rows()
  expect(await down('partition-orders-by')).toBeUndefined()
  await change(5, -30)
  await change(6, 200)
  expect(await down()).toBeUndefined()
  expect(there).toBeDefined()
  const { rows: left } = await owner.query(
    `SELECT id::int, (ordered_at > now())::text AS later FROM shop.orders WHERE id IN (5, 6, 7) ORDER BY id`,
  )
  expect(left).toEqual([
    { id: 5, later: 'false' },
    { id: 6, later: 'true' },
    { id: 7, later: 'true' },
  ])
})

describe('a default partition that holds rows of a new range', () => {
  test('gives them to it, with a foreign key in; more than 10,000 only by word', async () => {
    await plan()
    expect(await up()).toBeUndefined()
    await owner.query(`INSERT INTO shop.orders (ordered_at, person, cents)
      SELECT now() + interval '200 days' + n * interval '1 minute', 1, 1 FROM generate_series(1, 10500) n;
      INSERT INTO shop.items (id, order_id) SELECT 50000 + id, id FROM shop.orders WHERE ordered_at > now() + interval '199 days' LIMIT 50`)
    const before = await rows()
    await expect(owner.query('SELECT private.add_partitions_of_orders(8)')).rejects.toThrow(
      /more than 10000 rows/,
    )
    expect(await rows()).toEqual(before)
    const { rowCount } = await owner.query('SELECT private.add_partitions_of_orders(8, 20000)')
    expect(rowCount).toBeGreaterThan(3)
    expect(await rows()).toEqual(before)
    expect((await owner.query('SELECT FROM ONLY shop.orders_default')).rowCount).toBe(0)
    expect(await down()).toBeUndefined()
    expect(await rows()).toEqual(before)
  })
})

describe('foreign keys from elsewhere', () => {
  test('a table that is a partition itself is refused by name', async () => {
    await owner.query(`CREATE TABLE shop.visits (id bigint, day date, order_id bigint REFERENCES shop.orders, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
      CREATE TABLE shop.visits_2026 PARTITION OF shop.visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`)
    expect((await plan()).refused).toContainEqual(
      expect.objectContaining({ name: 'visits_order_id_fkey', reason: 'shop.visits is partitioned itself' }),
    )
  })

  test('a key of one partition of another table alone is refused by name', async () => {
    await owner.query(`CREATE TABLE shop.visits (id bigint, day date, order_id bigint, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
      CREATE TABLE shop.visits_2026 PARTITION OF shop.visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
      ALTER TABLE shop.visits_2026 ADD CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES shop.orders`)
    expect((await plan()).refused).toContainEqual(
      expect.objectContaining({
        name: 'shop.visits_2026',
        reason: expect.stringContaining('it is a partition') as string,
      }),
    )
  })
})

describe('the way back is refused by name, and nothing has changed, where somebody', () => {
  beforeEach(async () => {
    await plan()
    expect(await up()).toBeUndefined()
    await owner.query(newOrders)
  })

  test.each([
    [
      'made a foreign key to one partition',
      `CREATE TABLE shop.gifts (order_id bigint, at timestamptz, CONSTRAINT of_one FOREIGN KEY (order_id, at) REFERENCES shop.orders_history (id, ordered_at))`,
      'foreign key of_one of shop.gifts points to shop.orders_history',
      'DROP TABLE shop.gifts',
    ],
    [
      'made a view of one partition',
      'CREATE VIEW shop.strays AS SELECT * FROM shop.orders_default',
      'reads shop.orders_default alone',
      'DROP VIEW shop.strays',
    ],
    [
      'made a trigger on one partition',
      'CREATE TRIGGER only_here BEFORE UPDATE ON shop.orders_default FOR EACH ROW EXECUTE FUNCTION shop.touch()',
      'trigger only_here is on shop.orders_default alone',
      'DROP TRIGGER only_here ON shop.orders_default',
    ],
    [
      'made a partition that is partitioned itself',
      `CREATE TABLE shop.far PARTITION OF shop.orders FOR VALUES FROM ('2090-01-01') TO ('2091-01-01') PARTITION BY RANGE (id)`,
      'shop.far is no plain table',
      'ALTER TABLE shop.orders DETACH PARTITION shop.far; DROP TABLE shop.far',
    ],
    [
      'detached the history',
      'TRUNCATE shop.items, shop.returns; ALTER TABLE shop.orders DETACH PARTITION shop.orders_history',
      'shop.orders_history is no longer a partition of shop.orders',
      undefined,
    ],
  ])('%s', async (_, change, message, repair) => {
    const bound = await historyBound()
    await owner.query(change)
    const before = await fingerprint()
    expect(await down()).toContain(message)
    expect(await fingerprint()).toBe(before)
    expect(await state()).toEqual([])
    expect(await down('validate')).toContain(message)
    await owner.query(repair ?? `ALTER TABLE shop.orders ATTACH PARTITION shop.orders_history ${bound}`)
    expect(await down()).toBeUndefined()
  })

  async function historyBound(): Promise<string> {
    const { rows } = await owner.query<{ bound: string }>(
      `SELECT pg_get_expr(relpartbound, oid) AS bound FROM pg_class WHERE oid = 'shop.orders_history'::regclass`,
    )
    return rows[0]?.bound ?? ''
  }
})

test('where the history was dropped the way back says that there is none', async () => {
  await plan()
  expect(await up()).toBeUndefined()
  await owner.query(
    'TRUNCATE shop.items, shop.returns; ALTER TABLE shop.orders DETACH PARTITION shop.orders_history; DROP TABLE shop.orders_history',
  )
  const before = await fingerprint()
  expect(await down()).toContain('there is no way back')
  expect(await fingerprint()).toBe(before)
  expect(await up()).toBeUndefined()
})

describe('a partition that somebody made by hand', () => {
  test('counts as made, whatever its range, and its rows come along on the way back', async () => {
    const before = await fingerprint()
    const { subject } = await plan()
    expect(await up()).toBeUndefined()
    const cutoff = subject && 'cutoff' in subject ? subject.cutoff.getTime() : NaN
    const end = new Date(cutoff + 3 * 32 * 86_400_000)
    const month = (later: number) =>
      new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + later, 1)).toISOString().slice(0, 10)
    // One month is left out before it, and it ends in the middle of a month.
    await owner.query(
      `CREATE TABLE shop.by_hand PARTITION OF shop.orders FOR VALUES FROM ('${month(1)} 00:00:00+00') TO ('${month(2).slice(0, 8)}15 00:00:00+00')`,
    )
    await owner.query('SELECT private.add_partitions_of_orders(10)')
    const { rows: bounds } = await owner.query<{
      bound: string
    }>(`SELECT pg_get_expr(relpartbound, oid) AS bound
      FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'shop.orders'::regclass`)
    const ranges = bounds.flatMap(({ bound }) => {
      const [, from, to] = /FROM \((.+)\) TO \((.+)\)/.exec(bound) ?? []
      return from === undefined || to === undefined ? [] : [{ from, to }]
    })
    const ends = new Set(ranges.map(({ to }) => to))
    expect(ranges.filter(({ from }) => from !== 'MINVALUE' && !ends.has(from))).toEqual([])
    expect(ranges.length).toBeGreaterThan(8)
    await owner.query(newOrders)
    const there = await rows()
    expect(await down()).toBeUndefined()
    expect(await rows()).toEqual(there)
    expect(await fingerprint()).toBe(before)
  })

  test('a table in the way of a new one is named', async () => {
    await plan()
    expect(await up()).toBeUndefined()
    const { rows: made } = await owner.query<{ name: string }>(
      'SELECT name FROM private.add_partitions_of_orders(6) AS name',
    )
    const name = made.at(-1)?.name ?? ''
    await owner.query(`ALTER TABLE shop.orders DETACH PARTITION ${name}`)
    await expect(owner.query('SELECT private.add_partitions_of_orders(6)')).rejects.toThrow(
      new RegExp(`${name} is there, but is no partition of shop.orders for rows from`),
    )
  })
})

describe('what changes between the file and the swap is refused by its kind', () => {
  test.each([
    [
      'policies',
      'CREATE POLICY more ON shop.orders FOR SELECT USING (cents = 1)',
      'DROP POLICY more ON shop.orders',
    ],
    [
      'triggers',
      'ALTER TABLE shop.orders DISABLE TRIGGER touch',
      'ALTER TABLE shop.orders ENABLE TRIGGER touch',
    ],
    ['columns', 'ALTER TABLE shop.orders ADD more integer', 'ALTER TABLE shop.orders DROP more'],
    ['privileges', 'GRANT SELECT ON shop.orders TO PUBLIC', 'REVOKE ALL ON shop.orders FROM PUBLIC; SELECT'],
    ['indexes', 'CREATE INDEX more ON shop.orders (cents)', 'DROP INDEX shop.more'],
  ])('%s', async (kind, change, repair) => {
    await plan()
    expect(await up('prepare')).toBeUndefined()
    await owner.query(change)
    expect(await up()).toContain(`other ${kind}`)
    await owner.query(repair)
    if (kind === 'privileges') return
    expect(await up()).toBeUndefined()
  })
})

test.each([
  ['policies', 'CREATE POLICY more ON shop.orders FOR SELECT USING (cents = 1)'],
  ['triggers', 'ALTER TABLE shop.orders DISABLE TRIGGER touch'],
  ['columns', 'ALTER TABLE shop.orders ADD more integer'],
  ['privileges', 'GRANT SELECT ON shop.orders TO PUBLIC'],
  ['indexes', 'CREATE INDEX more ON shop.orders (cents)'],
  ['views', 'CREATE VIEW shop.more AS SELECT * FROM shop.orders'],
])('%s that change between the conditions and the lock are seen under it', async (kind, change) => {
  await plan()
  expect(await up('prepare')).toBeUndefined()
  const proxy = await startWireProxy(database.ownerUrl)
  const runner = await connect(proxy.url(database.ownerUrl))
  let changed = 0
  proxy.onRequest = async ({ sql }) => {
    if (!/^DO \$.*LOCK TABLE "shop"."orders"/s.test(sql) || changed > 0) return
    changed += 1
    await owner.query(change)
  }
  const { failure } = await runUp(runner, files.path)
  await runner.end()
  await proxy.close()
  expect(changed).toBe(1)
  expect(failure).toMatchObject({ exitCode: 2, message: expect.stringContaining(`other ${kind}`) as string })
  expect(
    (await owner.query(`SELECT relkind FROM pg_class WHERE oid = 'shop.orders'::regclass`)).rows,
  ).toEqual([{ relkind: 'r' }])
})

test('a first step that fails leaves nothing to go on with, and the next run begins anew', async () => {
  await plan()
  await owner.query('ALTER TABLE shop.items ADD COLUMN orders_ordered_at text')
  expect(await up()).toMatch(/already exists/)
  expect(await state()).toEqual([])
  await owner.query('ALTER TABLE shop.items DROP COLUMN orders_ordered_at')
  expect(await up()).toBeUndefined()
})

describe('names', () => {
  test.each([
    ['63 bytes', 'o'.repeat(63), 'k'.repeat(63), 'c'.repeat(63)],
    ['63 bytes, not ASCII', 'ö'.repeat(31), 'ключ'.repeat(7), '表'.repeat(21)],
    ['quotes and capitals', `It's "an" Order %s`, `When "was" it's`, 'Kids $$ of "it"'],
  ])('of %s', async (_, name, key, child) => {
    const q = (text: string) => `"${text.replaceAll('"', '""')}"`
    const table = { schema: 'shop', name }
    const on = qualified(table)
    await owner.query(`
      CREATE TABLE ${on} (id integer, ${q(key)} date NOT NULL, note text, CONSTRAINT ${q(`p${name}`.slice(0, 60))} PRIMARY KEY (id));
      CREATE INDEX ${q(`i${name}`.slice(0, 60))} ON ${on} (note, ${q(key)});
      CREATE TABLE shop.${q(child)} (id integer PRIMARY KEY, line integer CONSTRAINT ${q(`f${child}`.slice(0, 60))} REFERENCES ${on} ON DELETE CASCADE);
      CREATE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE TRIGGER ${q(`t${name}`.slice(0, 60))} BEFORE INSERT OR UPDATE ON ${on} FOR EACH ROW EXECUTE FUNCTION shop.keep();
      CREATE TRIGGER ${q(`t${name}`.slice(0, 60))} BEFORE INSERT OR UPDATE ON shop.${q(child)} FOR EACH ROW EXECUTE FUNCTION shop.keep();
      INSERT INTO ${on} SELECT n, current_date - n FROM generate_series(1, 50) n;
      INSERT INTO shop.${q(child)} SELECT n, n FROM generate_series(1, 20) n`)
    const before = await fingerprint()
    const first = await planPartitions(owner, { ...shopRequest, table, key, accept: [] })
    const accept = first.refused.map((each) => each.name)
    await plan({ table, key, accept })
    expect(await up()).toBeUndefined()
    const [{ name: routine } = { name: '' }] = (
      await owner.query<{ name: string }>(
        `SELECT oid::regprocedure::text AS name FROM pg_proc WHERE pronamespace = 'private'::regnamespace AND proname LIKE 'add%'`,
      )
    ).rows
    const made = await owner.query(`SELECT ${routine.replace(/\(.*\)/, '')}(8)`)
    expect(made.rowCount).toBeGreaterThan(3)
    await owner.query(`INSERT INTO ${on} SELECT 1000 + n, current_date + n FROM generate_series(1, 400) n;
      INSERT INTO shop.${q(child)} SELECT 1000 + n, 1000 + n FROM generate_series(1, 400) n`)
    expect(await down()).toBeUndefined()
    expect((await owner.query(`SELECT FROM ${on}`)).rowCount).toBe(450)
    expect((await owner.query(`SELECT FROM shop.${q(child)}`)).rowCount).toBe(420)
    expect(await fingerprint()).toBe(before)
  })

  test('that two tables would derive alike', async () => {
    const [one, other] = ['a', 'b'].map((end) => ({ schema: 'shop', name: `${'long_'.repeat(12)}${end}` }))
    for (const table of [one, other]) {
      if (!table) continue
      await owner.query(`CREATE TABLE ${qualified(table)} (id integer, day date, PRIMARY KEY (id, day))`)
      expect((await plan({ table, key: 'day', accept: [] })).refused).toEqual([])
      expect(await up()).toBeUndefined()
    }
    const before = await fingerprint()
    expect(await down()).toBeUndefined()
    expect(await up()).toBeUndefined()
    expect(await fingerprint()).toBe(before)
  })
})
