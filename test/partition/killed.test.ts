import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import type { Migration } from '../../src/migrate/migration.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { connect } from '../../src/postgres/connect.ts'
import type { Arena, ArenaDatabase } from '../migrate/faults/arena.ts'
import { openArena } from '../migrate/faults/arena.ts'
import type { HeldRun } from '../migrate/faults/heldRun.ts'
import { walksEverything } from '../migrate/faults/heldRun.ts'
import { untilRunnersAreGone } from '../migrate/faults/transactions.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { checksums, newOrders, shop, shopRequest } from './shop.ts'
import type { HoldUp, Midway } from './strikeMidway.ts'
import { byLock, strikeMidway } from './strikeMidway.ts'
import { walkSeries } from './walkSeries.ts'
import { writeSeries } from './writeSeries.ts'

let arena: Arena
let files: MigrationDirectory
let migrations: Migration[]
/** Before the series, and after it with new rows: by an undisturbed run. */
let start: Stage
let top: Stage

interface Stage {
  template: string
  fingerprint: string
  rows: unknown
}

beforeAll(async () => {
  arena = await openArena()
  files = await migrationDirectory()
  const ground = await arena.create('template0')
  await as(ground.ownerUrl, async (owner) => {
    await owner.query(shop)
    const plan = await planPartitions(owner, shopRequest)
    expect(plan.refused).toEqual([])
    await writeSeries(files.path, plan.operations)
  })
  migrations = await loadMigrations(files.path)
  start = await stageOf(ground)
  const way = await arena.create(ground.name)
  await as(way.ownerUrl, async (owner) => {
    expect((await runUp(owner, files.path)).failure).toBeUndefined()
    await owner.query(newOrders)
  })
  top = await stageOf(way)
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await arena.stop()
})

async function as<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(url, { applicationName: 'test' })
  return work(client).finally(() => client.end())
}

async function stageOf({ name, superuserUrl }: ArenaDatabase): Promise<Stage> {
  return as(superuserUrl, async (client) => ({
    template: name,
    fingerprint: (await readFingerprint(client)).text,
    rows: (await client.query(checksums)).rows[0] as unknown,
  }))
}

const cut = ({ request }: HeldRun): void => request.cut()
const terminate = async ({ database }: HeldRun): Promise<void> => {
  const administrator = await arena.administrator()
  await administrator.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hundredfold' AND datname = $1`,
    [database],
  )
  await untilRunnersAreGone(administrator, database)
}

/** A run that nobody disturbs comes to its end, and everything is as after a run that nobody disturbed at all. */
async function expectUp(database: ArenaDatabase): Promise<void> {
  await as(database.ownerUrl, async (owner) => {
    expect((await runUp(owner, files.path)).failure).toBeUndefined()
  })
  const after = await stageOf(database)
  expect(after.rows).toEqual(start.rows)
  expect(after.fingerprint).toBe(top.fingerprint)
}

async function expectDown(database: ArenaDatabase): Promise<void> {
  await as(database.ownerUrl, async (owner) => {
    expect((await runDown(owner, files.path)).failure).toBeUndefined()
  })
  const after = await stageOf(database)
  expect(after.rows).toEqual(top.rows)
  expect(after.fingerprint).toBe(start.fingerprint)
}

const walks = walksEverything
  ? [
      { name: 'cut', strikes: [cut], stride: 1 },
      { name: 'terminated', strikes: [terminate], stride: 1 },
    ]
  : [{ name: 'cut and terminated', strikes: [cut, terminate], stride: 9 }]

describe.each(walks)('$name at boundary after boundary, the series comes to its end', (walk) => {
  test('up', { timeout: 900_000 }, async () => {
    const database = await arena.create(start.template)
    const count = await walkSeries({ ...walk, arena, database, migrations, command: 'up' })
    process.stdout.write(`${walk.name} ${count} times on the way up\n`)
    expect(count).toBeGreaterThan(20)
    await expectUp(database)
  })

  test('down, with new rows', { timeout: 900_000 }, async () => {
    const database = await arena.create(top.template)
    const count = await walkSeries({ ...walk, arena, database, migrations, command: 'down' })
    process.stdout.write(`${walk.name} ${count} times on the way down\n`)
    expect(count).toBeGreaterThan(10)
    await expectDown(database)
  })
})

describe('ended in the middle of a statement, the series goes on from there', () => {
  test('up: a validation, two batches, and the keys', async () => {
    const database = await arena.create(start.template)
    const strike = (midway: Omit<Midway, 'database' | 'directory' | 'command'>) =>
      strikeMidway({ database, directory: files.path, command: 'up', ...midway })
    await strike({
      at: /^ALTER TABLE .* VALIDATE CONSTRAINT "orders_ordered_at_bound"/,
      holdUp: byLock('LOCK TABLE shop.orders IN SHARE UPDATE EXCLUSIVE MODE'),
      end: 'session',
    })
    const aChild = byLock('SELECT FROM shop.items FOR UPDATE')
    const batch = /UPDATE "shop"."items" AS child/
    await strike({ at: batch, count: 3, holdUp: aChild, end: 'session' })
    await strike({ at: batch, holdUp: aChild, end: 'process' })
    await strike({
      at: /^ALTER TABLE .* VALIDATE CONSTRAINT "items_order_id_fkey"/,
      holdUp: byLock('LOCK TABLE shop.items IN SHARE UPDATE EXCLUSIVE MODE'),
      end: 'session',
    })
    await expectUp(database)
  })

  test('down: in a batch of moved rows, between two, and when the keys are validated', async () => {
    const database = await arena.create(top.template)
    const strike = (holdUp: HoldUp) =>
      strikeMidway({ database, directory: files.path, command: 'down', at: /^CALL/, holdUp, end: 'session' })
    await strike(inBatch)
    await strike(betweenBatches)
    await as(database.superuserUrl, (client) => client.query(stopValidation))
    await strike(byLock('SELECT pg_advisory_xact_lock(13)'))
    await as(database.superuserUrl, (client) =>
      client.query('DROP EVENT TRIGGER stop_there; DROP FUNCTION stop_there()'),
    )
    await expectDown(database)
  })

  test('down: the process is killed while rows are moved', async () => {
    const database = await arena.create(top.template)
    const midway = { command: 'down', at: /^CALL/, holdUp: inBatch, end: 'process' } as const
    await strikeMidway({ database, directory: files.path, ...midway })
    await expectDown(database)
  })
})

/** Moved rows lock the rows that they point to. */
const inBatch = byLock('SELECT FROM shop.people WHERE id = 7 FOR UPDATE')

/** Holds the lock that the next batch needs, once some rows are moved and others are not. */
const betweenBatches: HoldUp = async ({ blocker, goOn }) => {
  goOn()
  await blocker.query('BEGIN')
  for (let first: number | undefined; ;) {
    await blocker.query('LOCK TABLE shop.orders IN ROW SHARE MODE')
    const { rows } = await blocker.query<{ moved: number; left: number }>(
      `SELECT count(*) FILTER (WHERE tableoid = 'shop.orders'::regclass)::int AS moved,
         count(*) FILTER (WHERE tableoid <> 'shop.orders'::regclass)::int AS left FROM shop.orders`,
    )
    const [{ moved, left } = { moved: 0, left: 0 }] = rows
    if (left === 0) throw new Error('all rows were moved before anybody looked')
    first ??= moved
    if (moved > first) return
    await blocker.query('COMMIT; BEGIN')
  }
}

/** Stops who would validate the keys of the table that it was. */
const stopValidation = `
  CREATE FUNCTION stop_there() RETURNS event_trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'shop.returns'::regclass AND contype = 'f' AND NOT convalidated) THEN
      PERFORM pg_advisory_xact_lock(13);
    END IF;
  END $$;
  CREATE EVENT TRIGGER stop_there ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION stop_there()`
