import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { runUp } from '../migrate/run.ts'
import type { KillScene } from './killScene.ts'
import { as, openKillScene, rowsOf, testWalks } from './killScene.ts'
import { shopRequest } from './shop.ts'
import type { Midway } from './strikeMidway.ts'
import { byLock, strikeMidway } from './strikeMidway.ts'

let scene: KillScene

beforeAll(async () => {
  scene = await openKillScene({ ...shopRequest, rewriteHistory: true })
})
afterAll(() => scene[Symbol.asyncDispose]())

testWalks(() => scene, { up: 20, down: 5 })

describe('ended in the middle of a statement, the copy goes on from there', () => {
  const aRow = byLock('SELECT FROM shop.orders WHERE id = 2900 FOR UPDATE')
  const batch = /^INSERT INTO "shop"."orders_copy"/

  test('the process is killed in a batch, then the session; then the session at an index and at a key', async () => {
    const database = await scene.arena.create(scene.start.template)
    const strike = (midway: Omit<Midway, 'database' | 'directory' | 'command'>) =>
      strikeMidway({ database, directory: scene.directory, command: 'up', ...midway })
    await strike({ at: batch, holdUp: aRow, end: 'process' })
    // As a replica's session does, which fires no ordinary trigger: rows end as they were, by two changes that are mirrored.
    await as(database.superuserUrl, async (superuser) => {
      await superuser.query(`SET session_replication_role = replica`)
      await superuser.query(`UPDATE shop.orders SET state = 'paid' WHERE id % 7 = 0`)
      const { rowCount } = await superuser.query(`UPDATE shop.orders SET state = 'open' WHERE id % 7 = 0`)
      expect(rowCount).toBeGreaterThan(400)
    })
    await strike({ at: batch, holdUp: aRow, end: 'session' })
    await strike({
      at: /^CREATE INDEX CONCURRENTLY .* ON "?shop"?\./,
      holdUp: byLock('LOCK TABLE shop.orders_default IN ROW EXCLUSIVE MODE'),
      end: 'session',
    })
    await strike({
      at: /^ALTER TABLE .* VALIDATE CONSTRAINT "orders_person_fkey"/,
      holdUp: byLock('LOCK TABLE shop.people IN ACCESS EXCLUSIVE MODE'),
      end: 'session',
    })
    await scene.expectUp(database)
  })

  test('while two sessions copy, the process is killed, and each of their parts goes on', async () => {
    const database = await scene.arena.create(scene.start.template)
    const before = await as(database.ownerUrl, async (owner) => {
      // So many that a second session is worth it.
      await owner.query(
        `INSERT INTO shop.orders (ordered_at, person, cents)
         SELECT now() - n * interval '3 minutes', 1 + n % 50, n FROM generate_series(1, 60000) n`,
      )
      return rowsOf(owner)
    })
    await strikeMidway({
      ...{ database, directory: scene.directory, command: 'up', at: batch, holdUp: aRow, end: 'process' },
    })
    await as(database.ownerUrl, async (owner) => {
      const { rows: ledger } = await owner.query<{ parts: number }>(
        `SELECT jsonb_array_length(reached -> 'parts') AS parts FROM hundredfold.migrations WHERE reached IS NOT NULL`,
      )
      expect(ledger).toEqual([{ parts: 2 }])
      const openSession = () => connect(database.ownerUrl)
      expect((await runUp(owner, scene.directory, { openSession })).failure).toBeUndefined()
      expect(await rowsOf(owner)).toEqual(before)
      const copied = await owner.query(`SELECT FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass`)
      expect(copied.rowCount).toBeGreaterThan(5)
    })
  })
})
