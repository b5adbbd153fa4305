import type { Policy } from '../../catalog/policies.ts'
import type { CheckedCommand } from './effective.ts'
import { predicateFor } from './effective.ts'

/**
 * `(permissive OR permissive) AND restrictive`, as PostgreSQL puts the policies of a role together; undefined where no
 * permissive policy speaks for the command, so that no row passes. `OR true` and `AND true` are left out.
 */
export function effectivePredicate(policies: Policy[], command: CheckedCommand): string | undefined {
  const permissive = new Set<string>()
  const restrictive = new Set<string>()
  for (const policy of policies) {
    const predicate = predicateFor(policy, command)
    if (predicate !== undefined) (policy.permissive ? permissive : restrictive).add(predicate)
  }
  if (permissive.size === 0) return undefined
  const any = permissive.has('true') ? 'true' : [...permissive].join(' OR ')
  const all = [permissive.size > 1 && any !== 'true' ? `(${any})` : any, ...restrictive]
  return all.filter((predicate) => predicate !== 'true').join(' AND ') || 'true'
}
