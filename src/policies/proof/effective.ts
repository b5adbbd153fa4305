import type { Policy, PolicyCommand } from '../../catalog/policies.ts'
import type { Outcome } from './evaluate.ts'

/**
 * What row-level security asks of a row: `update` of the row as it was, `update (new row)` of what it
 * becomes.
 */
export const checkedCommands = ['select', 'insert', 'update', 'update (new row)', 'delete'] as const
export type CheckedCommand = (typeof checkedCommands)[number]

const commands: Record<CheckedCommand, PolicyCommand> = {
  select: 'SELECT',
  insert: 'INSERT',
  update: 'UPDATE',
  'update (new row)': 'UPDATE',
  delete: 'DELETE',
}

/**
 * The predicate by which a policy judges rows for a command: a missing WITH CHECK follows USING. Undefined
 * where the policy does not speak for the command.
 */
export function predicateFor(policy: Policy, command: CheckedCommand): string | undefined {
  if (policy.command !== 'ALL' && policy.command !== commands[command]) return undefined
  const judgesNewRows = command === 'insert' || command === 'update (new row)'
  const predicate = judgesNewRows ? (policy.check ?? policy.using) : policy.using
  return predicate ?? undefined
}

/**
 * Whether a row passes all policies together: one of the permissive ones lets it pass and no restrictive one
 * holds it back. `outcome` tells what one predicate says; undefined where it was not asked.
 *
 * ```sql
 * (permissive OR permissive ...) AND restrictive AND restrictive ...
 * ```
 */
export function passesTogether(
  policies: Policy[],
  command: CheckedCommand,
  outcome: (predicate: string) => Outcome,
): Outcome {
  const permissive: Outcome[] = []
  const restrictive: Outcome[] = []
  for (const policy of policies) {
    const predicate = predicateFor(policy, command)
    if (predicate !== undefined) (policy.permissive ? permissive : restrictive).push(outcome(predicate))
  }
  const all = [...permissive, ...restrictive]
  if (all.some((each) => each === undefined)) return undefined
  // Which predicate PostgreSQL asks first is its own choice, so an error in any is an error of the whole.
  const error = all.find((each) => typeof each === 'string')
  if (error !== undefined) return error
  return permissive.includes(true) && !restrictive.includes(false)
}
