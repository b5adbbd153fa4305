import type { Outcome } from '../catalog/attempt.ts'
import { attemptUnder } from '../catalog/attempt.ts'
import { underOneSavepoint } from '../postgres/savepoint.ts'
import type { Finding, Rule, Violation } from './rule.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import { CannotSee } from './rule.ts'

/** How the look of one rule ended, and why it was skipped or failed. */
export interface Looked {
  rule: Rule
  status: Outcome<unknown>['status']
  reason?: string
}

/** What rules found, and how each of them ended. */
export interface Found {
  findings: Finding[]
  looked: Looked[]
}

export interface FindOptions {
  /** Between two rules: stop here if it is aborted. */
  signal?: AbortSignal
  onRule?: (rule: Rule) => void
}

/**
 * For callers that do not report how each rule ended.
 *
 * @throws if a rule fails; a skipped rule is no failure
 */
export function expectNoFailure({ looked }: Found): void {
  const failed = looked.filter(({ status }) => status === 'failed')
  if (failed.length === 0) return
  throw new Error(
    failed.map(({ rule, reason }) => `The rule ${rule.name} failed: ${reason ?? ''}`).join('; '),
  )
}

/**
 * Runs each rule, and rolls back to a savepoint of the snapshot after it. A rule that is skipped or fails is listed
 * with its reason, and the others go on. Findings of a rule that could not see everything are kept.
 *
 * @throws if the session is lost or the run is aborted
 */
export async function findAll(
  rules: Rule[],
  context: Snapshot,
  { signal, onRule }: FindOptions = {},
): Promise<Found> {
  const found: Found = { findings: [], looked: [] }
  await underOneSavepoint(context.db, async (under) => {
    for (const rule of rules) {
      signal?.throwIfAborted()
      onRule?.(rule)
      const add = (seen: Violation[]) =>
        found.findings.push(...seen.map((violation) => ({ rule: rule.name, ...violation })))
      const outcome = await attemptUnder(under, () => rule.find(context))
      if (outcome.status === 'ok') {
        add(outcome.value)
        found.looked.push({ rule, status: 'ok' })
        continue
      }
      if (outcome.error instanceof CannotSee) add(outcome.error.seen)
      found.looked.push({ rule, status: outcome.status, reason: outcome.reason })
    }
  })
  return found
}
