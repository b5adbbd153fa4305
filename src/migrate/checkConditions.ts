import type { ClientBase } from 'pg'
import { messageOf } from '../errors.ts'
import type { Condition } from '../conditions/condition.ts'
import { borrow } from '../postgres/database.ts'
import { underSavepoint } from '../postgres/savepoint.ts'
import { errorCode, isConnectionLost, isLockOrCancel } from '../postgres/sqlState.ts'
import { guarded } from './guardedClient.ts'
import type { CheckedCondition } from './migration.ts'
import { defaultRunOptions } from './runOptions.ts'

/**
 * Checks each condition inside the open transaction of `client`: under a savepoint, read-only, with an empty
 * `search_path`. So a condition can neither write nor leave a setting behind. If it fails with an error, such as a
 * missing table, that is its answer and does not end the transaction.
 *
 * ```sql
 * SAVEPOINT hundredfold_look; SET LOCAL transaction_read_only = on; SET LOCAL search_path = '';
 * SET LOCAL statement_timeout = ...;
 * ... the condition's queries ...
 * ROLLBACK TO SAVEPOINT hundredfold_look;
 * ```
 *
 * Conditions have a time limit of their own, so that a short statement timeout does not cut off a long check; those that
 * read whole tables have none. Errors that are no answer (a lock not granted in time, a lost connection, a timeout) are thrown.
 */
export async function checkConditions(
  client: ClientBase,
  conditions: Condition[],
  phase: 'before' | 'after',
  timeoutMs = defaultRunOptions.conditionTimeoutMs,
): Promise<CheckedCondition[]> {
  const checked: CheckedCondition[] = []
  for (const condition of conditions) checked.push(await checkCondition(client, condition, phase, timeoutMs))
  return checked
}

async function checkCondition(
  client: ClientBase,
  condition: Condition,
  phase: 'before' | 'after',
  timeoutMs: number,
): Promise<CheckedCondition> {
  const { description } = condition
  try {
    const verdict = await underSavepoint(borrow(client), async () => {
      await client.query(
        `SET LOCAL transaction_read_only = on; SET LOCAL search_path = ''; SET LOCAL statement_timeout = ${condition.readsWholeTables ? 0 : timeoutMs}`,
      )
      return condition.check(borrow(guarded(client)))
    })
    if (verdict.holds) return { description, phase, holds: true }
    return { description, phase, holds: false, expected: verdict.expected, actual: verdict.actual }
  } catch (error) {
    if (isConnectionLost(error)) throw error
    if (isLockOrCancel(error)) throw whileChecking(description, error)
    const actual = `an error: ${messageOf(error)}`
    return { description, phase, holds: false, expected: 'an answer', actual }
  }
}

/** The same error with the condition in its message. It keeps the SQLSTATE, which decides what to do next. */
function whileChecking(description: string, error: unknown): Error {
  const told = new Error(`condition "${description}": ${messageOf(error)}`, { cause: error })
  return Object.assign(told, { code: errorCode(error) })
}
