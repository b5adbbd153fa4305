import { describe, expect, test } from 'vitest'
import { migrationDirectory } from '../../support/migrationFiles.ts'
import { faults, prepareFaults, report, shareBoundaries, walkAll } from './faults.ts'
import { madeSet } from './madeSet.ts'

prepareFaults()

describe('every request of a set made for it, up, redo and down', () => {
  test.each(faults)('$name', { timeout: 900_000 }, async (kind) => {
    await using files = await migrationDirectory(madeSet)
    const shares = shareBoundaries(Object.keys(madeSet).length)
    // A look leaves nothing on the server, so whatever ends the session there leaves the same: one kind of end is enough.
    const everyRequest = kind === faults[0] || process.env.FAULTS === 'all'
    const strikes = await walkAll({ directory: files.path, everyRequest, redo: true }, shares, kind)
    report(kind.name, 'the made set', strikes)
    expect(strikes).toBeGreaterThan(everyRequest ? 300 : 100)
  })
})
