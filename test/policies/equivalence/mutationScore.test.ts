import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { borrow } from '../../../src/db/database.ts'
import { readOnly } from '../../../src/db/readOnly.ts'
import { proveEquivalence } from '../../../src/policies/equivalence/prove.ts'
import type { EquivalenceReport } from '../../../src/policies/equivalence/report.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { asRewrite, makeWorkspace, rightRewrites, setPolicy } from '../workspace.ts'

const documents = { schema: 'public', name: 'documents' }

describe('the equivalence proof', () => {
  let database: TestDatabase
  let client: Client
  const reports = new Map<string, EquivalenceReport>()

  beforeAll(async () => {
    database = await createDatabase()
    client = await database.connect()
    await makeWorkspace(client)
    for (const rewrite of rightRewrites) {
      await setPolicy(client, rewrite)
      const report = await readOnly(client, () =>
        proveEquivalence(borrow(client), documents, [asRewrite(rewrite)], {
          budgetMs: 20_000,
          mostMutants: 10_000,
        }),
      )
      reports.set(rewrite.name, report)
    }
  })
  afterAll(() => database.drop())

  it.each(rightRewrites)('lets the right rewrite pass: $name', ({ name }) => {
    const report = reports.get(name)
    if (process.env.SHOW)
      console.log(
        name,
        JSON.stringify(
          { ...report, coverage: { ...report?.coverage, identities: report?.coverage.identities.length } },
          null,
          1,
        ),
      )
    expect(report).toMatchObject({ outcome: 'equivalent', differences: [], reasons: [] })
  })

  it('catches at least 99 % of at least 500 wrong predicates', () => {
    const scores = [...reports.values()].map(({ mutants }) => mutants)
    const made = scores.reduce((sum, score) => sum + score.made, 0)
    const caught = scores.reduce((sum, score) => sum + score.caught, 0)
    console.log(`${made} mutants, ${caught} caught`)
    expect(made).toBeGreaterThanOrEqual(500)
    expect(caught / made).toBeGreaterThanOrEqual(0.99)
  })
})
