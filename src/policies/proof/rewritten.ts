import { displayIdentifier } from '../../postgres/identifiers.ts'
import type { Policy } from '../../catalog/policies.ts'

/** What a policy will be: `dropped`, or its predicates as PostgreSQL will print them. */
export type PolicyRewrite =
  | {
      policy: string
      /** Null leaves what the policy has. */
      using: string | null
      /** Null leaves what the policy has: a missing WITH CHECK goes on following USING. */
      check: string | null
      /** Names of the roles that it will be for, none for PUBLIC; absent where they stay. */
      roles?: string[]
      /**
       * What showed on rows, when the migration was written, that the same rows pass. It is not asked for again with
       * fewer rows or less time: from then on rows can only refute it.
       */
      shownOnRows?: string
    }
  | { policy: string; dropped: true }

/** The policies as they will be, and the names of rewritten policies that do not exist. */
export function rewritten(
  before: Policy[],
  rewrites: PolicyRewrite[],
): { after: Policy[]; missing: string[] } {
  const byName = new Map(rewrites.map((rewrite) => [rewrite.policy, rewrite]))
  const after = before.flatMap((policy): Policy[] => {
    const rewrite = byName.get(policy.name)
    if (!rewrite) return [policy]
    if ('dropped' in rewrite) return []
    const { using, check, roles } = rewrite
    return [
      {
        ...policy,
        using: using ?? policy.using,
        check: check ?? policy.check,
        roles: roles ?? policy.roles,
      },
    ]
  })
  const missing = rewrites
    .filter((rewrite) => !('dropped' in rewrite) && !before.some(({ name }) => name === rewrite.policy))
    .map(({ policy }) => displayIdentifier(policy))
  return { after, missing }
}
