import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readFacts, readFactsWithoutOrder } from '../../src/fingerprint/pgDelta.ts'
import type { Facts } from '../../src/fingerprint/pgDelta.ts'
import { inOneState } from '../../src/fingerprint/oneState.ts'
import { createDatabase } from '../support/database.ts'
import type { TestDatabase } from '../support/database.ts'

describe('facts without dependencies', () => {
  let database: TestDatabase
  let client: Client

  beforeAll(async () => {
    database = await createDatabase({ from: 'casaora' })
    client = await database.connect(database.ownerUrl)
  })
  afterAll(() => database.drop())

  it('are the same, with all owners and members of extensions', async () => {
    const [all, unordered] = await inOneState(client, async () => [
      await readFacts(client),
      await readFactsWithoutOrder(client),
    ])
    expect(unordered.base.facts()).toEqual(all.base.facts())
    expect(edgesOf(unordered)).toEqual(edgesOf(all))
    expect(edgesOf(all).length).toBeGreaterThan(0)
  })

  it('leave out which object depends on which, so that nobody waits for it', async () => {
    const { base } = await inOneState(client, () => readFactsWithoutOrder(client))
    const needs = base.edges.filter(({ kind }) => kind === 'depends')
    // Children of a partitioned table are asked for apart from the rest.
    expect(needs.filter(({ from, to }) => from.kind !== 'table' || to.kind !== 'table')).toEqual([])
  })
})

function edgesOf({ base }: Facts) {
  return base.edges.filter(({ kind }) => kind !== 'depends')
}
