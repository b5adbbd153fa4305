import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { casaoraMigrations } from '../../src/bench/casaora/database.ts'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { down } from '../../src/migrate/down.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { defaultRunOptions } from '../../src/migrate/runOptions.ts'
import { up } from '../../src/migrate/up.ts'
import { prepared } from '../../src/postgres/prepared.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { withoutProofs } from '../support/withoutProofs.ts'

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
    const looker = prepared(await database.connect())
    const options = { ...defaultRunOptions, client: await database.connect(database.ownerUrl) }
    const fingerprint = async (): Promise<string> => (await readFingerprint(looker)).text

    const states = [await fingerprint()]
    for (const { name } of migrations) {
      expect((await up(migrations, { count: 1 }, options)).failure, name).toBeUndefined()
      states.push(await fingerprint())
    }
    const final = states.pop()
    for (const { name } of migrations.toReversed()) {
      expect((await down(migrations, { count: 1 }, options)).failure, name).toBeUndefined()
      expect(await fingerprint(), name).toBe(states.pop())
    }
    const again = await up(withoutProofs(migrations), {}, options)
    expect(again.failure).toBeUndefined()
    expect(await fingerprint()).toBe(final)
  })
})
