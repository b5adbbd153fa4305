import { afterAll, beforeAll, describe, test } from 'vitest'
import type { KillScene } from './killScene.ts'
import { as, openKillScene, testWalks } from './killScene.ts'
import { shopRequest } from './shop.ts'
import type { HoldUp, Midway } from './strikeMidway.ts'
import { byLock, strikeMidway } from './strikeMidway.ts'

let scene: KillScene

beforeAll(async () => {
  scene = await openKillScene(shopRequest)
})
afterAll(() => scene[Symbol.asyncDispose]())

testWalks(() => scene, { up: 20, down: 10 })

describe('ended in the middle of a statement, the series goes on from there', () => {
  test('up: a validation, two batches, and the keys', async () => {
    const database = await scene.arena.create(scene.start.template)
    const strike = (midway: Omit<Midway, 'database' | 'directory' | 'command'>) =>
      strikeMidway({ database, directory: scene.directory, command: 'up', ...midway })
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
    await scene.expectUp(database)
  })

  test('down: in a batch of moved rows, between two, and when the keys are validated', async () => {
    const database = await scene.arena.create(scene.top.template)
    const strike = (holdUp: HoldUp) =>
      strikeMidway({
        database,
        directory: scene.directory,
        command: 'down',
        at: /^CALL/,
        holdUp,
        end: 'session',
      })
    await strike(inBatch)
    await strike(betweenBatches)
    await as(database.superuserUrl, (client) => client.query(stopValidation))
    await strike(byLock('SELECT pg_advisory_xact_lock(13)'))
    await as(database.superuserUrl, (client) =>
      client.query('DROP EVENT TRIGGER stop_there; DROP FUNCTION stop_there()'),
    )
    await scene.expectDown(database)
  })

  test('down: the process is killed while rows are moved', async () => {
    const database = await scene.arena.create(scene.top.template)
    const midway = { command: 'down', at: /^CALL/, holdUp: inBatch, end: 'process' } as const
    await strikeMidway({ database, directory: scene.directory, ...midway })
    await scene.expectDown(database)
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
