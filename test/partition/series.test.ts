import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { groupOperations } from '../../src/optimize/groupOperations.ts'
import { writeMigrations } from '../../src/optimize/writeMigrations.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'

let database: TestDatabase
let owner: Client

beforeAll(async () => {
  database = await createDatabase({ from: 'casaora' })
  owner = await database.connect(database.ownerUrl)
})
afterAll(() => database.drop())

test('bookings become partitions and a table again', async () => {
  const request = {
    table: { schema: 'public', name: 'bookings' },
    key: 'booking_date',
    every: 'month' as const,
    ahead: 3,
    accept: ['bookings_pkey'],
  }
  const plan = await planPartitions(owner, request)
  expect(plan.refused).toEqual([])
  await using files = await migrationDirectory({})
  await writeMigrations(
    files.path,
    plan.operations.map((operation) => ({ operation, operations: [operation] })),
  )
  const before = await readFingerprint(owner)
  const up = await runUp(owner, files.path)
  expect(up.failure?.message).toBeUndefined()
  const down = await runDown(owner, files.path)
  expect(down.failure?.message).toBeUndefined()
  expect(await readFingerprint(owner)).toEqual(before)
})
void groupOperations
