import { afterAll, beforeAll, expect, test } from 'vitest'
import { measureBareWrites } from '../../../src/bench/cache/triggerCost.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

test('the same table is written with its triggers off and on, and announces in one of the two alone', async () => {
  const client = await database.connect()
  const cost = await measureBareWrites(client, { rounds: 3, perRound: 5 })
  for (const { before, after } of [cost.insert, cost.update]) {
    expect(before).toBeGreaterThan(0)
    expect(after).toBeGreaterThan(0)
  }
  const { rows } = await client.query(`SELECT (SELECT count(*)::int FROM bare) AS rows,
    (SELECT count(*)::int FROM hundredfold_cache.outbox) AS announced`)
  // Three writes before each turn of five are not timed.
  expect(rows).toEqual([{ rows: 10_048, announced: 48 }])
})
