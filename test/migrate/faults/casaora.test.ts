import { describe, expect, test } from 'vitest'
import { casaoraMigrations } from '../../../src/bench/casaora/database.ts'
import { loadMigrations } from '../../../src/migrate/loadMigrations.ts'
import { faults, prepareFaults, report, shareMigrations, walkAll } from './faults.ts'

prepareFaults()

describe("every statement of Casaora's migrations, up and down", () => {
  // A cut on the wire is to the server what the end of a killed process is.
  test.each(faults.slice(1))('$name', { timeout: 900_000 }, async (kind) => {
    const shares = shareMigrations((await loadMigrations(casaoraMigrations)).length)
    const strikes = await walkAll({ directory: casaoraMigrations }, 'casaora', shares, kind)
    report(kind.name, 'migrations/', strikes)
    expect(strikes).toBeGreaterThan(1_000)
  })
})
