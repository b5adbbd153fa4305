import { setTimeout as sleep } from 'node:timers/promises'
import { isLockConflict } from '../postgres/sqlState.ts'
import { HundredfoldError, exitCodes } from '../errors.ts'

const firstPauseMs = 100
const longestPauseMs = 2_000

export interface LockBudget {
  /** How long one attempt may keep others waiting behind its lock request. */
  lockTimeoutMs: number
  /** How long to go on with new attempts. */
  lockBudgetMs: number
}

/**
 * Runs `attempt` again while it fails for a lock, with growing pauses of random length, so that traffic
 * flows in between and two runners do not meet again and again.
 *
 * @throws HundredfoldError (exit 3) when the budget is spent; nothing has changed then.
 */
export async function withinLockBudget<T>(
  name: string,
  budget: LockBudget,
  attempt: () => Promise<T>,
  options: { signal?: AbortSignal; onRetry?: (pauseMs: number, remainingMs: number) => void } = {},
): Promise<T> {
  const started = performance.now()
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!isLockConflict(error)) throw error
      const remainingMs = budget.lockBudgetMs - (performance.now() - started)
      const pauseMs = Math.min(firstPauseMs * 2 ** tries, longestPauseMs) * (0.5 + Math.random())
      if (remainingMs <= pauseMs) throw budgetSpent(name, budget, error)
      options.onRetry?.(pauseMs, remainingMs)
      await sleep(pauseMs, undefined, options.signal ? { signal: options.signal } : {})
    }
  }
}

function budgetSpent(name: string, budget: LockBudget, cause: unknown): HundredfoldError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new HundredfoldError(
    exitCodes.budgetExceeded,
    `${name} did not get its lock within ${budget.lockBudgetMs / 1000} s (${reason}); nothing was changed.`,
    'Find the long transaction that holds the table (pg_stat_activity), or give more time with --lock-budget.',
    { cause },
  )
}
