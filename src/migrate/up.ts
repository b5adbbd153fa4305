import { HundredfoldError } from '../errors.ts'
import { isConnectionLost } from '../postgres/sqlState.ts'
import { refuseUnapproved, whereApproved } from './approvals.ts'
import { ConditionFailed, HoursEnded, SessionLost, Stopped } from './failures.ts'
import { keepGain } from './gain/keepGain.ts'
import { compareHistory, refuseDrift } from './history.ts'
import { refuseAfterHours } from './hours.ts'
import type { LedgerRow } from './ledger.ts'
import { ensureLedger } from './ledger.ts'
import type { Direction, Migration, Ran } from './migration.ts'
import { refuseMissingPrivileges } from './privileges.ts'
import { readHistory } from './readHistory.ts'
import { runInTransaction } from './runInTransaction.ts'
import { releaseRunLock, takeRunLock } from './runLock.ts'
import type { RunOptions } from './runOptions.ts'
import { finishTheOtherWay, runStepByStep } from './runStepByStep.ts'
import { readScript } from './script.ts'
import { stepsOf } from './steps/kinds.ts'
import type { Target } from './target.ts'
import { selectPending } from './target.ts'

/** What a run did, and the error that ended it early, if any. */
export interface RunResult {
  ran: Ran[]
  failure?: HundredfoldError
}

/**
 * Applies pending migrations in order, up to the target. If a killed run left one half done, it is finished first. The
 * first failure ends the run; earlier migrations stay applied.
 */
export async function up(migrations: Migration[], target: Target, options: RunOptions): Promise<RunResult> {
  return underRunLock(options, async () => {
    const { rows: ledger } = await readHistory(options.client, migrations)
    const statuses = compareHistory(migrations, ledger)
    refuseDrift(statuses)
    const pending = selectPending(migrations, statuses, target)
    for (const { name, takenBack } of statuses) {
      if (takenBack && !pending.some((each) => each.name === name))
        options.onEvent?.({ kind: 'leftTakenBack', name })
    }
    if (pending.length === 0) return { ran: [] }
    if (options.approvedOnly) await refuseUnapproved(options.client, pending)
    const named = await refuseMissingPrivileges(pending, 'up', options)
    await ensureLedger(options.client)
    const begun = ledger.filter(({ state }) => state !== 'takenBack')
    const rows = new Map(begun.map((row) => [row.name, row]))
    const work = pending.map((migration) => ({ migration, row: rows.get(migration.name) }))
    const kept = { direction: 'up' as const, migrations: pending, named, resumed: new Set(rows.keys()) }
    return keepGain(kept, options, () =>
      runEach(work, 'up', options, (migration, row) => {
        const apply = () => applyOne(migration, row, options)
        if (!options.approvedOnly) return apply()
        return whereApproved(options.client, { migration, isBegun: row !== undefined }, apply)
      }),
    )
  })
}

/**
 * Runs `work` while no other run can; the lock is polled within the lock budget.
 *
 * @throws SessionLost if the connection breaks while no migration is running
 */
export async function underRunLock<T>(options: RunOptions, work: () => Promise<T>): Promise<T> {
  const { client, signal, onEvent } = options
  try {
    await takeRunLock(client, {
      budgetMs: options.lockBudgetMs,
      ...(signal ? { signal } : {}),
      onWait: (holderPid) => onEvent?.({ kind: 'waiting', ...(holderPid ? { holderPid } : {}) }),
    })
    // The end of a session releases the lock, so a failure here does not matter.
    return await work().finally(() => releaseRunLock(client).catch(() => undefined))
  } catch (error) {
    throw isConnectionLost(error) ? new SessionLost(undefined, error) : error
  }
}

/** The result of running one migration. */
type Came = Pick<Ran, 'conditions' | 'adopted'>

/** Runs migrations in turn, each with its ledger row, and stops at the first failure. */
export async function runEach<Row extends LedgerRow | undefined>(
  work: { migration: Migration; row: Row }[],
  direction: Direction,
  options: RunOptions,
  runOne: (migration: Migration, row: Row) => Promise<Came>,
): Promise<RunResult> {
  const ran: Ran[] = []
  for (const { migration, row } of work) {
    const { name } = migration
    try {
      options.signal?.throwIfAborted()
      refuseAfterHours(options)
      const started = performance.now()
      const resumed = row !== undefined && row.state !== 'applied'
      options.onEvent?.({ kind: 'started', name, direction, resumed })
      const came = await runOne(migration, row)
      const result: Ran = { name, direction, ms: Math.round(performance.now() - started), ...came }
      options.onEvent?.({ kind: 'done', ran: result })
      ran.push(result)
    } catch (error) {
      const failure = asFailure(error, name, options)
      if (!failure) throw error
      if (failure instanceof HoursEnded) {
        const done = ran.map((each) => each.name)
        const left = work.slice(ran.length).map((each) => each.migration.name)
        return { ran, failure: new HoursEnded(failure.hours, { done, left }) }
      }
      return { ran, failure }
    }
  }
  return { ran }
}

function asFailure(error: unknown, name: string, { signal }: RunOptions): HundredfoldError | undefined {
  if (signal?.aborted) return new Stopped(name, error)
  if (isConnectionLost(error)) return new SessionLost(name, error)
  return error instanceof HundredfoldError ? error : undefined
}

async function applyOne(
  migration: Migration,
  row: LedgerRow | undefined,
  options: RunOptions,
): Promise<Came> {
  if (row && !(await finishTheOtherWay(migration, 'down', row, options))) {
    return { conditions: await runStepByStep(migration, 'up', options, { interrupted: row }) }
  }
  const outcome = await applyOrHeal(migration, options)
  switch (outcome.kind) {
    case 'ran':
      return { conditions: outcome.conditions }
    case 'adopted':
      return { conditions: outcome.conditions, adopted: true }
    case 'notTransactional':
      return { conditions: await runStepByStep(migration, 'up', options, outcome) }
  }
}

/** If a condition fails because of what an earlier, failed run left, a step may repair it; then the migration runs again. */
async function applyOrHeal(migration: Migration, options: RunOptions) {
  try {
    return await runInTransaction(migration, 'up', options)
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error
    const { statements } = await readScript(migration, 'up', options)
    let healed = false
    for (const step of stepsOf(statements)) if (await step.heal?.(options.client)) healed = true
    if (!healed) throw error
    return runInTransaction(migration, 'up', options)
  }
}
