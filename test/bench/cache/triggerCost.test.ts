import { afterAll, beforeAll, expect, test } from 'vitest'
import { measureTriggerCost } from '../../../src/bench/cache/triggerCost.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

test('both tables are written alike, and one of them announces', async () => {
  const client = await database.connect()
  const cost = await measureTriggerCost(client, { rounds: 3, perRound: 5 })
  for (const { before, after } of [cost.insert, cost.update]) {
    expect(before).toBeGreaterThan(0)
    expect(after).toBeGreaterThan(0)
  }
  const { rows } = await client.query(`SELECT (SELECT count(*)::int FROM plain) AS plain,
    (SELECT count(*)::int FROM announced) AS announced, (SELECT count(*)::int FROM hundredfold_cache.outbox) AS outbox`)
  expect(rows).toEqual([{ plain: 10_015, announced: 10_015, outbox: 30 }])
})
