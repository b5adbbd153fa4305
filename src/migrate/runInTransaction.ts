import { randomUUID } from 'node:crypto'
import { HundredfoldError, UsageError } from '../errors.ts'
import { isConnectionLost, isLockConflict } from '../postgres/sqlState.ts'
import { checkConditions } from './checkConditions.ts'
import { ConditionFailed, StatementFailed } from './failures.ts'
import { forget, recordAppliedAndCommit, transactionMark } from './ledger.ts'
import type { Asking } from './lockBudget.ts'
import { HeldUp, withinLockBudget } from './lockBudget.ts'
import { lockWishesOfAll } from './locks/lockWishes.ts'
import type { CheckedCondition, Direction, Migration } from './migration.ts'
import type { RunOptions } from './runOptions.ts'
import type { Script } from './script.ts'
import { buildScript, inReadOnlyTransaction } from './script.ts'

/** How the migration went: it ran, its goal was met already, or it asked for `pgm.noTransaction()`. */
export type Outcome =
  | { kind: 'ran'; conditions: CheckedCondition[] }
  | { kind: 'adopted'; conditions: CheckedCondition[] }
  | { kind: 'notTransactional'; script: Script; conditions: CheckedCondition[] }

const nothingChanged = 'Nothing was changed.'

/**
 * Runs one migration in one transaction: conditions, statements, conditions, ledger row, COMMIT. If anything fails, all
 * of it is rolled back. If a lock is not granted in time, the whole transaction is tried again. Conditions that depend on
 * rows may take long, so they are checked once, before the transaction.
 *
 * ```sql
 * BEGIN;
 * SET LOCAL lock_timeout = ...; SET LOCAL statement_timeout = ...;
 * -- before; who is in the way?; up; after; ledger
 * COMMIT;
 * ```
 */
export async function runInTransaction(
  migration: Migration,
  direction: Direction,
  options: RunOptions,
): Promise<Outcome> {
  const asked = await askOfRows(migration, direction, options)
  return withinLockBudget(migration.name, options, (asking) =>
    attempt(migration, direction, options, { asking, asked }),
  )
}

/** Checks those of the first conditions that depend on rows, in a transaction that has ended before any lock is taken. */
async function askOfRows(
  migration: Migration,
  direction: Direction,
  options: RunOptions,
): Promise<CheckedCondition[]> {
  const [first] = conditionsAround(migration, direction)
  const conditions = first.conditions.filter((condition) => condition.dependsOnData)
  if (conditions.length === 0) return []
  try {
    return await inReadOnlyTransaction(options, () =>
      checkConditions(options.client, conditions, first.phase, options.conditionTimeoutMs),
    )
  } catch (error) {
    if (isConnectionLost(error) || error instanceof UsageError) throw error
    throw new StatementFailed(migration.name, direction, nothingChanged, error)
  }
}

async function attempt(
  migration: Migration,
  direction: Direction,
  options: RunOptions,
  { asking, asked }: { asking: Asking; asked: CheckedCondition[] },
): Promise<Outcome> {
  const { client } = options
  const transaction = randomUUID()
  try {
    await client.query(`BEGIN;
      SET LOCAL lock_timeout = ${asking.lockTimeoutMs};
      SET LOCAL statement_timeout = ${options.statementTimeoutMs};
      SET LOCAL idle_in_transaction_session_timeout = 0;
      SET LOCAL ${transactionMark} = '${transaction}'`)
    const outcome = await runSteps(migration, direction, options, { transaction, asking, asked })
    if (outcome.kind === 'notTransactional') await client.query('ROLLBACK')
    return outcome
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    if (error instanceof HeldUp || isLockConflict(error) || isConnectionLost(error)) throw error
    if (error instanceof HundredfoldError) throw error
    throw new StatementFailed(migration.name, direction, nothingChanged, error)
  }
}

async function runSteps(
  migration: Migration,
  direction: Direction,
  options: RunOptions,
  { transaction, asking, asked }: { transaction: string; asking: Asking; asked: CheckedCondition[] },
): Promise<Outcome> {
  const { client, conditionTimeoutMs } = options
  const [first, last] = conditionsAround(migration, direction)
  const toAsk = first.conditions.filter((condition) => !condition.dependsOnData)
  const checkedFirst = [...(await checkConditions(client, toAsk, first.phase, conditionTimeoutMs)), ...asked]
  if (checkedFirst.some((condition) => !condition.holds)) {
    const goal = direction === 'up' ? await goalIsMet(migration, options) : undefined
    if (!goal) throw new ConditionFailed(migration.name, direction, checkedFirst, nothingChanged)
    await recordAppliedAndCommit(client, migration, { adopted: true, transaction })
    // The conditions that failed say what was there instead.
    return { kind: 'adopted', conditions: [...checkedFirst.filter(({ holds }) => !holds), ...goal] }
  }
  const script = await buildScript(migration, direction, client, options.statementTimeoutMs)
  if (!script.transactional) return { kind: 'notTransactional', script, conditions: checkedFirst }
  await asking.lookFirst(lockWishesOfAll(script.statements))
  await sendStatements(migration, script, options, {
    lockTimeoutMs: asking.lockTimeoutMs,
    whenLocked: () => checkAgain(migration, direction, options),
  })
  const checkedLast = await checkConditions(client, last.conditions, last.phase, conditionTimeoutMs)
  if (checkedLast.some((condition) => !condition.holds)) {
    throw new ConditionFailed(migration.name, direction, checkedLast, nothingChanged)
  }
  if (direction === 'up') {
    const recorded = await recordAppliedAndCommit(client, migration, { adopted: false, transaction })
    if (!recorded) throw endedTransaction(migration)
  } else {
    const { marksTakenBack } = options
    if (!(await forget(client, migration.name, { transaction, marksTakenBack })))
      throw endedTransaction(migration)
    await client.query('COMMIT')
  }
  return { kind: 'ran', conditions: [...checkedFirst, ...checkedLast] }
}

/**
 * Sends the statements one by one. Together they share one lock timeout: the locks of the first statements are held
 * while the next one waits, and clients wait behind all of them.
 *
 * @param whenLocked to be done after the first one, which takes the locks where it matters
 */
async function sendStatements(
  migration: Migration,
  script: Script,
  options: RunOptions,
  { lockTimeoutMs, whenLocked }: { lockTimeoutMs: number; whenLocked: () => Promise<void> },
): Promise<void> {
  const { client } = options
  const started = performance.now()
  for (const [index, statement] of script.statements.entries()) {
    options.onEvent?.({
      kind: 'statement',
      name: migration.name,
      position: index + 1,
      of: script.statements.length,
      sql: statement.sql,
      autocommit: false,
    })
    if (index > 0) {
      const left = Math.max(1, Math.ceil(lockTimeoutMs - (performance.now() - started)))
      await client.query(`SET LOCAL lock_timeout = ${left}`)
    }
    await client.query(statement.sql)
    if (index === 0) await whenLocked()
  }
}

/** Somebody may have changed what the first conditions saw, before the locks were there. */
async function checkAgain(migration: Migration, direction: Direction, options: RunOptions): Promise<void> {
  const [first] = conditionsAround(migration, direction)
  const again = first.conditions.filter((condition) => condition.againUnderLock)
  const checked = await checkConditions(options.client, again, first.phase, options.conditionTimeoutMs)
  if (checked.every((condition) => condition.holds)) return
  throw new ConditionFailed(migration.name, direction, checked, nothingChanged)
}

/** The conditions to check first and last: `before` and `after` for `up`. `down` swaps them and skips those about rows. */
export function conditionsAround(migration: Migration, direction: Direction) {
  const before = { phase: 'before' as const, conditions: migration.optimization?.before ?? [] }
  const after = { phase: 'after' as const, conditions: migration.optimization?.after ?? [] }
  if (direction === 'up') return [before, after] as const
  const ofSchema = ({ phase, conditions }: typeof before | typeof after) => ({
    phase,
    conditions: conditions.filter((condition) => !condition.dependsOnData),
  })
  return [ofSchema(after), ofSchema(before)] as const
}

/** If every `after` condition holds already, somebody reached the goal by other means: returns those conditions. */
export async function goalIsMet(
  migration: Migration,
  options: Pick<RunOptions, 'client' | 'conditionTimeoutMs'>,
): Promise<CheckedCondition[] | undefined> {
  const after = migration.optimization?.after ?? []
  if (after.length === 0) return undefined
  const checked = await checkConditions(options.client, after, 'after', options.conditionTimeoutMs)
  return checked.every((condition) => condition.holds) ? checked : undefined
}

/** A hidden COMMIT in the migration has ended our transaction: the setting that marks it is gone. */
function endedTransaction(migration: Migration): UsageError {
  return new UsageError(
    `${migration.name} ended the runner's transaction.`,
    'Remove COMMIT and ROLLBACK from the migration; what it committed itself stays until you take it back.',
  )
}
