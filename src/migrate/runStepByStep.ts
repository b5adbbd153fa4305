import { HundredfoldError } from '../errors.ts'
import { isConnectionLost } from '../postgres/sqlState.ts'
import { splitStatements } from '../syntax/statements.ts'
import { checkConditions } from './checkConditions.ts'
import { ConditionFailed, StatementFailed } from './failures.ts'
import type { LedgerRow } from './ledger.ts'
import { forget, readLedger, recordFinished, recordIntent, recordProgress } from './ledger.ts'
import { withinLockBudget } from './lockBudget.ts'
import { lockWishes } from './locks/lockWishes.ts'
import type { CheckedCondition, Direction, Migration } from './migration.ts'
import { conditionsAround } from './runInTransaction.ts'
import type { RunOptions } from './runOptions.ts'
import type { Script } from './script.ts'
import { inReadOnlyTransaction, readScript } from './script.ts'
import { stepsOf, takeBackStep } from './steps/kinds.ts'
import type { StepRecord } from './steps/record.ts'
import { isOurs } from './steps/record.ts'
import type { Step, StepRun } from './steps/step.ts'

/**
 * Runs one migration that cannot run in a transaction (CREATE INDEX CONCURRENTLY, VACUUM ...). It can be killed at any
 * point, and the next run continues:
 *
 * 1. The intent is committed to the ledger, with what is needed to take everything back.
 * 2. A statement that can run in a transaction runs in one, together with its mark in the ledger. Any other statement
 *    either leaves a result that can be looked up (is the index absent, invalid, valid?) or is a CALL, which runs again
 *    if it was cut off.
 * 3. The last conditions are checked. If they hold, the row says `applied`; else what was absent before is dropped.
 *
 * @param start what is prepared for a fresh start, or the ledger row of a killed run
 */
export async function runStepByStep(
  migration: Migration,
  direction: Direction,
  options: RunOptions,
  start: FreshStart | { interrupted: LedgerRow },
): Promise<CheckedCondition[]> {
  const { client } = options
  const row = 'interrupted' in start ? start.interrupted : start.row
  const script = 'script' in start ? start.script : await readScript(migration, direction, options)
  const state = direction === 'up' ? 'applying' : 'reverting'
  const resumed = 'interrupted' in start
  const goesOn = resumed && row?.state === state
  const steps = stepsOf(script.statements)
  const isMixed = steps.some(({ isLasting }) => isLasting)
  const records = row?.undo ?? []
  const run: StepRun = { migration, direction, options, records, resumed, isMixed }
  if (!goesOn) {
    run.records = await remember(run, steps)
    await recordIntent(client, migration, state, run.records)
  }
  try {
    await runRemaining(run, steps, goesOn ? row.statementsDone : 0)
    const last = await checkLast(run)
    if (direction === 'up') await recordFinished(client, migration.name, await listMade(run, steps))
    else await forget(client, migration.name, { marksTakenBack: options.marksTakenBack })
    return 'script' in start ? [...start.conditions, ...last] : last
  } catch (error) {
    if (isConnectionLost(error)) throw error
    const consequence = await takeBack(run, steps)
    if (error instanceof ConditionFailed) {
      throw new ConditionFailed(migration.name, direction, error.conditions, consequence)
    }
    if (error instanceof HundredfoldError) throw error
    throw new StatementFailed(migration.name, direction, consequence, error)
  }
}

/**
 * Finishes a run that was cut off in `direction`, before the migration goes the other way. Needed only for statements
 * that we cannot take back: nobody knows how to undo half of a migration with an INSERT.
 *
 * @returns false if there is no such run
 */
export async function finishTheOtherWay(
  migration: Migration,
  direction: Direction,
  row: LedgerRow,
  options: RunOptions,
): Promise<boolean> {
  if (row.state !== (direction === 'up' ? 'applying' : 'reverting')) return false
  const script = await readScript(migration, direction, options)
  if (!stepsOf(script.statements).some(({ isLasting }) => isLasting)) return false
  await runStepByStep(migration, direction, options, { interrupted: row })
  return true
}

/** A migration whose conditions hold and whose statements are known, ready for its first statement. */
export interface FreshStart {
  script: Script
  conditions: CheckedCondition[]
  /** The ledger's row, on the way down. */
  row?: LedgerRow
}

/**
 * What is needed to take the steps back. If a run in the other direction was cut off, its records of what is ours are
 * kept. They come first: what the migration made is dropped before what it dropped is built again.
 */
async function remember(run: StepRun, steps: Step[]): Promise<StepRecord[]> {
  const records = run.records.filter(isOurs)
  for (const step of steps) records.push(...((await step.remember?.(run)) ?? []))
  return [...records.filter(isOurs), ...records.filter((record) => !isOurs(record))]
}

/** What the steps made, with its present definition. */
async function listMade({ options: { client } }: StepRun, steps: Step[]): Promise<StepRecord[]> {
  const made: StepRecord[] = []
  for (const step of steps) made.push(...((await step.listMade?.(client)) ?? []))
  return made
}

async function checkLast(run: StepRun): Promise<CheckedCondition[]> {
  const [, last] = conditionsAround(run.migration, run.direction)
  const checked = await inReadOnlyTransaction(run.options, () =>
    checkConditions(run.options.client, last.conditions, last.phase, run.options.conditionTimeoutMs),
  )
  if (checked.every((condition) => condition.holds)) return checked
  throw new ConditionFailed(run.migration.name, run.direction, checked, '')
}

async function runRemaining(run: StepRun, steps: Step[], done: number): Promise<void> {
  const { options } = run
  const { name } = run.migration
  for (const [index, step] of steps.entries()) {
    const position = index + 1
    if (position <= done) continue
    const { sql, autocommit } = step
    options.onEvent?.({ kind: 'statement', name, position, of: steps.length, sql, autocommit })
    const mark = () => recordProgress(options.client, name, position)
    const wishes = (await splitStatements(sql)).flatMap(lockWishes)
    await withinLockBudget(name, options, async ({ lockTimeoutMs, lookFirst }) => {
      if (!((await step.isStillToDo?.(run)) ?? true)) return
      await lookFirst(wishes)
      await step.run({ ...options, lockTimeoutMs }, mark, { name, position, of: steps.length })
    })
    if (autocommit) await mark()
  }
}

/**
 * Takes back what this run made, unless it was there before, and returns a sentence about what is left. If a statement is
 * committed that only the migration's author can take back, what was built stays: the ledger says how far the run came,
 * and the next run continues there.
 */
async function takeBack(run: StepRun, steps: Step[]): Promise<string> {
  const { migration, options, direction, records } = run
  for (const record of records) await takeBackStep(record, run)
  if (run.isMixed && (await hasCommitted(run, steps)))
    return `Statements that are committed stay: \`migrate ${direction}\` goes on from there.`
  const made = records.filter(({ kind }) => kind === 'made')
  if (direction === 'up') await forget(options.client, migration.name)
  else await recordFinished(options.client, migration.name, made)
  return 'What it had made was taken back.'
}

/** Whether a step is done, or may be done in part. */
async function hasCommitted({ options, migration }: StepRun, [first]: Step[]): Promise<boolean> {
  if (first?.commitsInParts) return true
  const row = (await readLedger(options.client)).find(({ name }) => name === migration.name)
  return (row?.statementsDone ?? 0) > 0
}
