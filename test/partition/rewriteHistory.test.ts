import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { writeSeries } from './writeSeries.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  owner = await database.connect(database.ownerUrl)
})
afterAll(() => database.drop())

test('bookings are copied into partitions, and the table that was comes back', async () => {
  const plan = await planPartitions(owner, {
    ...{ table: { schema: 'public', name: 'bookings' }, key: 'booking_date', every: 'month' },
    ...{ ahead: 3, accept: ['bookings_pkey'], rewriteHistory: true },
  })
  expect(plan.refused).toEqual([])
  await using files = await migrationDirectory({})
  await writeSeries(files.path, plan.operations)
  const before = await readFingerprint(owner)
  expect((await runUp(owner, files.path)).failure?.message).toBeUndefined()
  expect((await runDown(owner, files.path)).failure?.message).toBeUndefined()
  expect((await readFingerprint(owner)).text).toBe(before.text)
})
