import type { Client } from 'pg'
import type { Returned, RewriteAction } from './rewriteAction.ts'
import type { Window } from './window.ts'

/** What became of the actions that were begun. */
export interface Outcome {
  returned: Returned[]
  failures: { action: RewriteAction; error: unknown }[]
}

/**
 * Runs one action after the other; if one fails, the others still run.
 *
 * @param outcome is filled meanwhile, so that it says what was done also if the window ends
 * @throws what aborted the window
 */
export async function runActions(
  client: Client,
  actions: readonly RewriteAction[],
  window: Window,
  outcome: Outcome,
): Promise<void> {
  window.begin()
  try {
    for (const action of actions) {
      window.signal.throwIfAborted()
      try {
        outcome.returned.push(await action.run(client))
      } catch (error) {
        window.signal.throwIfAborted()
        outcome.failures.push({ action, error })
      }
    }
  } finally {
    window.end()
  }
}
