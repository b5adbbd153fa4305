import { compareHistory, refuseDrift } from './history.ts'
import type { LedgerRow } from './ledger.ts'
import { forget, readLedger } from './ledger.ts'
import type { CheckedCondition, Migration, Ran } from './migration.ts'
import { refuseMissingPrivileges } from './privileges.ts'
import { runInTransaction } from './runInTransaction.ts'
import type { RunOptions } from './runOptions.ts'
import { finishTheOtherWay, runStepByStep } from './runStepByStep.ts'
import type { Target } from './target.ts'
import { selectApplied } from './target.ts'
import type { RunResult } from './up.ts'
import { runEach, underRunLock } from './up.ts'

/**
 * Takes applied migrations back, newest first: one by default. What a migration adopted (it was there
 * before it came) stays where it is.
 */
export async function down(migrations: Migration[], target: Target, options: RunOptions): Promise<RunResult> {
  return underRunLock(options, async () => {
    const ledger = await readLedger(options.client)
    refuseDrift(compareHistory(migrations, ledger))
    const selected = selectApplied(migrations, ledger, target)
    const rows = new Map(selected.map(({ row }) => [row.name, row]))
    const applied = selected.map(({ migration }) => migration)
    await refuseMissingPrivileges(applied, 'down', options)
    return runEach(applied, options, (migration) =>
      takeBackOne(migration, rows.get(migration.name) as LedgerRow, options),
    )
  })
}

async function takeBackOne(migration: Migration, row: LedgerRow, options: RunOptions): Promise<Ran> {
  const started = performance.now()
  const interrupted = row.state !== 'applied'
  options.onEvent?.({ kind: 'started', name: migration.name, direction: 'down', resumed: interrupted })
  const conditions = await runDown(migration, row, options)
  return {
    name: migration.name,
    direction: 'down',
    ms: Math.round(performance.now() - started),
    conditions,
    ...(row.adopted ? { adopted: true } : {}),
  }
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
