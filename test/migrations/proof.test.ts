import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { casaoraMigrations } from '../../src/bench/casaora/database.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { plan } from '../../src/migrate/plan.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const migrations = await loadMigrations(casaoraMigrations)

describe("all of Casaora's migrations", () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
    owner = await database.connect(database.ownerUrl)
  })
  afterAll(() => database.drop())

  it(
    'are proven reversible in a shadow and planned, with what each statement locks and each condition finds',
    { timeout: 900_000 },
    async () => {
      const planned = await plan(migrations, {}, owner)
      expect(planned.migrations.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name))
      expect(planned.drift).toEqual([])
      for (const { name, proven, reversible, sql, conditions, locks } of planned.migrations) {
        // `prove` says of a migration what its rehearsal for the plan says.
        expect([proven, reversible], name).toEqual([true, true])
        expect(sql.up.length, name).toBeGreaterThan(0)
        expect(conditions.length, name).toBeGreaterThan(1)
        if (name.includes('_drop-') || name.includes('_rewrite-')) expect(locks, name).not.toEqual([])
      }
    },
  )
})
