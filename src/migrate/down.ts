import { compareHistory, refuseDrift } from './history.ts'
import { keepGain } from './gain/keepGain.ts'
import type { LedgerRow } from './ledger.ts'
import { forget, readLedger } from './ledger.ts'
import type { CheckedCondition, Migration } from './migration.ts'
import { refuseMissingPrivileges } from './privileges.ts'
import { readHistory, refuseBelowOthers } from './readHistory.ts'
import { runInTransaction } from './runInTransaction.ts'
import type { RunOptions } from './runOptions.ts'
import { finishTheOtherWay, runStepByStep } from './runStepByStep.ts'
import type { Target } from './target.ts'
import { selectApplied } from './target.ts'
import type { RunResult } from './up.ts'
import { runEach, underRunLock } from './up.ts'

/**
 * Takes applied migrations back, newest first: one by default. An adopted migration changes nothing on the way down:
 * somebody else had made what it wanted.
 */
export async function down(migrations: Migration[], target: Target, options: RunOptions): Promise<RunResult> {
  return underRunLock(options, async () => {
    const { rows, elsewhere } = await readHistory(options.client, migrations)
    refuseDrift(compareHistory(migrations, rows))
    const selected = selectApplied(migrations, rows, target)
    refuseBelowOthers(
      selected.map(({ row }) => row),
      elsewhere,
    )
    return takeBackSelected(selected, options)
  })
}

/** Takes these migrations back, in this order. The caller has the run lock, and has checked the history. */
export async function takeBackSelected(
  selected: { migration: Migration; row: LedgerRow }[],
  options: RunOptions,
): Promise<RunResult> {
  const migrations = selected.map(({ migration }) => migration)
  const named = await refuseMissingPrivileges(migrations, 'down', options)
  const resumed = selected.filter(({ row }) => row.state !== 'applied').map(({ row }) => row.name)
  const kept = { direction: 'down' as const, migrations, named, resumed: new Set(resumed) }
  return keepGain(kept, options, () =>
    runEach(selected, 'down', options, async (migration, row) => ({
      conditions: await runDown(migration, row, options),
      ...(row.adopted ? { adopted: true } : {}),
    })),
  )
}

async function runDown(
  migration: Migration,
  row: LedgerRow,
  options: RunOptions,
): Promise<CheckedCondition[]> {
  if (row.adopted) {
    await forget(options.client, migration.name)
    return []
  }
  if (row.state !== 'applied') {
    if (!(await finishTheOtherWay(migration, 'up', row, options))) {
      return runStepByStep(migration, 'down', options, { interrupted: row })
    }
    const applied = (await readLedger(options.client)).find(({ name }) => name === row.name)
    return runDown(migration, applied ?? row, options)
  }
  const outcome = await runInTransaction(migration, 'down', options)
  if (outcome.kind === 'notTransactional') {
    return runStepByStep(migration, 'down', options, { ...outcome, row })
  }
  return outcome.conditions
}
