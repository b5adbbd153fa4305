import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { casaoraMigrations } from '../../src/bench/casaora/database.ts'
import { casaoraPartitionSeries, casaoraPartitions } from '../../src/bench/casaora/partitions.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { status } from '../../src/migrate/status.ts'
import { migrationFile } from '../../src/optimize/migrationFile.ts'
import { slugOf } from '../../src/optimize/migrationNames.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { runDown, runUp, runUpWithoutProofs } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { partitionsComeAndGo } from './partitionsComeAndGo.ts'

describe("Casaora's partitions", () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
    owner = await database.connect(database.ownerUrl)
    expect((await runUpWithoutProofs(owner, casaoraMigrations)).failure).toBeUndefined()
  })
  afterAll(() => database.drop())

  it('are files that come after all others, and no part of them', async () => {
    const last = (await loadMigrations(casaoraMigrations)).at(-1)?.name ?? ''
    const series = await loadMigrations(casaoraPartitionSeries)
    for (const { name } of series) expect(name > last, name).toBe(true)
    const states = new Set(
      (await status(series, owner)).map(({ state, outOfOrder }) => `${state} ${outOfOrder}`),
    )
    expect([...states]).toEqual(['pending undefined'])
    const others = await status(await loadMigrations(casaoraMigrations), owner)
    expect(new Set(others.map(({ state }) => state))).toEqual(new Set(['applied']))
  })

  // When the command writes something better: npx vitest run test/migrations/partitions.test.ts -u
  it('are what the command writes today, table after table', { timeout: 120_000 }, async () => {
    const files = (await readdir(casaoraPartitionSeries)).sort()
    for (const request of casaoraPartitions) {
      const { refused, operations } = await planPartitions(owner, request)
      expect(refused).toEqual([])
      for (const operation of operations) {
        const file = files.shift() ?? ''
        expect(file.slice(18)).toBe(`${slugOf(operation.title)}.ts`)
        await expect(migrationFile(operation)).toMatchFileSnapshot(join(casaoraPartitionSeries, file))
      }
      const { failure } = await runUp(owner, casaoraPartitionSeries, { count: operations.length })
      expect(failure?.message).toBeUndefined()
    }
    expect(files).toEqual([])
    expect((await runDown(owner, casaoraPartitionSeries)).failure?.message).toBeUndefined()
  })

  // On the other versions: versions.test.ts.
  it(
    'come, take new rows, go and come again, and no caller sees a difference',
    { timeout: 120_000 },
    async () => {
      await partitionsComeAndGo(owner, await database.connect())
    },
  )
})
