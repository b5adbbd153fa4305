import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MigrationDirectory } from '../../support/migrationFiles.ts'
import { migrationDirectory } from '../../support/migrationFiles.ts'
import type { Stand } from './faults.ts'
import { faults, prepareFaults, prepareStands, report, walkAll } from './faults.ts'
import { walksEverything } from './heldRun.ts'
import { madeSet } from './madeSet.ts'
import type { Command } from './runners.ts'

let files: MigrationDirectory
let stands: Stand[]

prepareFaults(async () => {
  files = await migrationDirectory(madeSet)
  return files.path
})
beforeAll(async () => {
  stands = await prepareStands('template0')
  expect(stands).toHaveLength(Object.keys(madeSet).length)
})
afterAll(() => files[Symbol.asyncDispose]())

describe('every request of a set made for it, up, redo and down', () => {
  test.each(faults)('$name', { timeout: 900_000 }, async (kind) => {
    // A look leaves nothing on the server, so whatever ends the session there leaves the same: one kind of end is enough.
    const everyRequest = kind === faults[0] || walksEverything
    // `redo` first takes back: it is struck there as `down` is, but another command goes on from what is left. For that one
    // kind of end is enough.
    const commands: Command[] =
      kind === faults[1] || walksEverything ? ['up', 'redo', 'down'] : ['up', 'down']
    const { boundaries, strikes } = await walkAll({ everyRequest, commands }, stands, kind)
    report(kind.name, 'the made set', strikes)
    expect(strikes).toBe(boundaries)
    expect(strikes).toBeGreaterThan(everyRequest ? 300 : 100)
  })
})
