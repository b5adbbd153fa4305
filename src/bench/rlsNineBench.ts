import { provideServer } from '../servers/provideServer.ts'
import type { Bench } from './bench.ts'
import { benchRow } from './bench.ts'
import { createRlsDatabases } from './rls/databases.ts'
import type { PublishedCase } from './rls/nine.ts'
import { publishedCases } from './rls/nine.ts'
import { optimizePolicies } from './rls/optimizePolicies.ts'
import { timeInTurn } from './rls/timing.ts'
import type { BenchRow } from './row.ts'

/** The slowest one took three minutes where it was published. */
const cutAfterMs = 300_000

/**
 * The nine cases of a public guide to row-level security: what its author gained by hand, one cure each, against what
 * `optimize` writes for them, on the same numbers of rows.
 */
export const rlsNineBench: Bench = {
  id: 'rls_nine',
  title: 'Nine published cases of row-level security',
  rowIds: publishedCases.map(({ id }) => id),
  async run({ config, onStep, only, signal }) {
    const server = await provideServer(config)
    try {
      onStep('loading two copies of nine tables')
      const databases = await createRlsDatabases(server, 'nine.sql')
      try {
        onStep('finding, proving and applying the migrations')
        const applied = await optimizePolicies(databases.oursOwner)
        const rows: BenchRow[] = []
        for (const each of publishedCases.filter(({ id }) => only?.includes(id) ?? true)) {
          signal?.throwIfAborted()
          onStep(each.title)
          const sessions = [databases.before, databases.ours].map((client) => ({ client, cutAfterMs }))
          const [before = 0, after = 0] = await timeInTurn(sessions, each.sql, {
            person: 1,
            role: each.role,
            withoutPlanning: true,
          })
          rows.push(rowOf(each, before, after, applied))
        }
        return rows
      } finally {
        await databases.drop()
      }
    } finally {
      await server.stop()
    }
  },
}

function rowOf(
  { id, title, table, published }: PublishedCase,
  before: number,
  after: number,
  applied: string[],
): BenchRow {
  const wanted = Math.round(published.before / published.after)
  const migrations = applied.filter((name) => name.includes(table.replaceAll('_', '-')))
  return benchRow({
    id,
    title,
    claim: `at least the published ${wanted} times`,
    before,
    after,
    unit: 'ms',
    met: before / after >= wanted,
    how: `published: ${published.before} and ${published.after} ms by hand; count of 100,000 rows as the end user, warm medians of the server’s execution time in turn, as it was published; our migrations: ${migrations.join(', ') || 'none'}`,
  })
}
