import { setTimeout as sleep } from 'node:timers/promises'
import { isLockConflict } from '../postgres/sqlState.ts'
import { HundredfoldError, exitCodes, messageOf } from '../errors.ts'
import type { RunOptions } from './runOptions.ts'

const firstPauseMs = 100
const longestPauseMs = 2_000

/**
 * Runs `attempt` again as long as it fails to get a lock. The pauses grow, so that traffic flows in between, and are
 * random, so that two runners do not collide each time.
 *
 * @throws HundredfoldError (exit 3) when the budget is spent; nothing has changed then.
 */
export async function withinLockBudget<T>(
  name: string,
  { lockBudgetMs, signal, onEvent }: Pick<RunOptions, 'lockBudgetMs' | 'signal' | 'onEvent'>,
  attempt: () => Promise<T>,
): Promise<T> {
  const started = performance.now()
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!isLockConflict(error)) throw error
      const remainingMs = lockBudgetMs - (performance.now() - started)
      const pauseMs = Math.min(firstPauseMs * 2 ** tries, longestPauseMs) * (0.5 + Math.random())
      if (remainingMs <= pauseMs) throw budgetSpent(name, lockBudgetMs, error)
      onEvent?.({ kind: 'retrying', name, pauseMs, remainingMs })
      await sleep(pauseMs, undefined, signal ? { signal } : {})
    }
  }
}

function budgetSpent(name: string, budgetMs: number, cause: unknown): HundredfoldError {
  return new HundredfoldError(
    exitCodes.budgetExceeded,
    `${name} did not get its lock within ${budgetMs / 1000} s (${messageOf(cause)}); nothing was changed.`,
    'Find the long transaction that holds the table (pg_stat_activity), or give more time with --lock-budget.',
    { cause },
  )
}
