import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KillScene } from './killScene.ts'
import { as, openKillScene, walks } from './killScene.ts'
import { shopRequest } from './shop.ts'
import type { Midway } from './strikeMidway.ts'
import { byLock, strikeMidway } from './strikeMidway.ts'

let scene: KillScene

beforeAll(async () => {
  scene = await openKillScene({ ...shopRequest, rewriteHistory: true })
})
afterAll(() => scene[Symbol.asyncDispose]())

describe.each(walks)('$name at boundary after boundary, the copy comes to its end', (kind) => {
  test('up', { timeout: 900_000 }, async () => {
    const database = await scene.arena.create(scene.start.template)
    const count = await scene.walk(database, 'up', kind)
    process.stdout.write(`${kind.name} ${count} times on the way up\n`)
    expect(count).toBeGreaterThan(20)
    await scene.expectUp(database)
  })

  test('down, with new rows', { timeout: 900_000 }, async () => {
    const database = await scene.arena.create(scene.top.template)
    const count = await scene.walk(database, 'down', kind)
    process.stdout.write(`${kind.name} ${count} times on the way down\n`)
    expect(count).toBeGreaterThan(5)
    await scene.expectDown(database)
  })
})

describe('ended in the middle of a statement, the copy goes on from there', () => {
  const aRow = byLock('SELECT FROM shop.orders WHERE id = 2900 FOR UPDATE')
  const batch = /^INSERT INTO "shop"."orders_copy"/

  test('while two sessions copy, the process is killed; then the session; then at an index and a key', async () => {
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
})
