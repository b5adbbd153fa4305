import { beforeAll, describe, expect, test } from 'vitest'
import { casaoraMigrations } from '../../../src/bench/casaora/database.ts'
import type { Stand } from './faults.ts'
import { faults, prepareFaults, prepareStands, report, walkAll } from './faults.ts'
import { walksEverything } from './heldRun.ts'

let stands: Stand[]

prepareFaults(() => Promise.resolve(casaoraMigrations))
beforeAll(async () => {
  stands = await prepareStands('casaora')
})

describe("every statement of Casaora's migrations, one of each shape, up and down", () => {
  // A cut on the wire is to the server what the end of a killed process is, without a process to start again each time. The
  // other ends are struck at every boundary of the made set, which has each way to run.
  const kinds = walksEverything ? faults : faults.slice(0, 1)
  test.each(kinds)('$name', { timeout: 900_000 }, async (kind) => {
    const { boundaries, strikes } = await walkAll({ commands: ['up', 'down'] }, stands, kind)
    report(kind.name, `${String(stands.length)} of migrations/`, strikes)
    expect(stands.length).toBeGreaterThan(7)
    expect(strikes).toBe(boundaries)
    expect(strikes).toBeGreaterThan(stands.length * 10)
  })
})
