import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { casaoraMigrations } from '../../src/bench/casaora/database.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { runDown, runUp, runUpWithoutProofs } from '../migrate/run.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const migrations = await loadMigrations(casaoraMigrations)

describe("Casaora's migrations", () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
  })
  afterAll(() => database.drop())

  it.each(migrations)(
    '$name says why, by which rule, and how it is checked both ways',
    ({ optimization }) => {
      expect(optimization?.why.length).toBeGreaterThan(20)
      expect(optimization?.rule).toMatch(/^[a-z_]+$/)
      expect(optimization?.before).not.toHaveLength(0)
      expect(optimization?.after).not.toHaveLength(0)
    },
  )

  it('run up, down and up again as the owner, each taken back exactly', { timeout: 900_000 }, async () => {
    const looker = await database.connect()
    const owner = await database.connect(database.ownerUrl)
    const fingerprint = async (): Promise<string> => (await readFingerprint(looker)).text

    const states = [await fingerprint()]
    for (const { name } of migrations) {
      expect((await runUp(owner, casaoraMigrations, { count: 1 })).failure, name).toBeUndefined()
      states.push(await fingerprint())
    }
    const final = states.pop()
    for (const { name } of migrations.toReversed()) {
      expect((await runDown(owner, casaoraMigrations, { count: 1 })).failure, name).toBeUndefined()
      expect(await fingerprint(), name).toBe(states.pop())
    }
    const again = await runUpWithoutProofs(owner, casaoraMigrations)
    expect(again.failure).toBeUndefined()
    expect(await fingerprint()).toBe(final)
  })
})
