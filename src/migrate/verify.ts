import { checkConditions } from './checkConditions.ts'
import { compareHistory, refuseDrift } from './history.ts'
import type { CheckedCondition, Migration } from './migration.ts'
import { readHistory } from './readHistory.ts'
import type { RunOptions } from './runOptions.ts'
import { inReadOnlyTransaction } from './script.ts'

export interface Verified {
  name: string
  conditions: CheckedCondition[]
}

/**
 * Checks the `after` conditions of every applied migration against the live database, read-only. They fail where somebody
 * has since undone or changed something by hand.
 */
export async function verify(
  migrations: Migration[],
  options: Pick<RunOptions, 'client' | 'statementTimeoutMs'>,
): Promise<Verified[]> {
  const { rows: ledger } = await readHistory(options.client, migrations)
  refuseDrift(compareHistory(migrations, ledger))
  const applied = new Set(ledger.filter((row) => row.state === 'applied').map((row) => row.name))
  return inReadOnlyTransaction(options, async () => {
    const verified: Verified[] = []
    for (const { name, optimization } of migrations) {
      if (!applied.has(name)) continue
      verified.push({
        name,
        conditions: await checkConditions(options.client, optimization?.after ?? [], 'after'),
      })
    }
    return verified
  })
}
