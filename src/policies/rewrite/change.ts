import type { CatalogFunction } from '../../catalog/functions.ts'
import type { Node } from '../../syntax/nodes.ts'

/** The rules whose findings a rewrite of a policy cures. */
export const rewriteRules = [
  'auth_rls_initplan',
  'policy_function_initplan',
  'policy_membership_function',
  'policy_correlated_subquery',
] as const
export type RewriteRule = (typeof rewriteRules)[number]

/** One place that was rewritten. */
export interface Change {
  rule: RewriteRule
  /** The expression as it stood: `auth.uid()`. */
  was: string
  /** What stands there now. */
  becomes: string
  /** The column of the policy's table on which an index has to be made first, so that this form is the fast one. */
  needsIndexOn?: string
}

/** One place that breaks a rule and is left as it is. */
export interface Refusal {
  rule: RewriteRule
  /** The expression: `public.has_quota(owner)`. */
  was: string
  /** The precondition that does not hold, as a sentence without a full stop. */
  reason: string
  /** What a person could do about it; absent where nothing would help. */
  steps?: string[]
  /** It can be rewritten as soon as something else has been, so it is no smaller a finding than one that can be now. */
  isForNow?: boolean
}

/** What came of one expression. */
export interface Rewritten {
  tree: Node
  changes: Change[]
  refusals: Refusal[]
}

/** The steps of a refusal for the sake of a function that is VOLATILE: it may be so by default alone. */
export function stepsIfVolatile(called: CatalogFunction[]): Pick<Refusal, 'steps'> {
  const volatile = called.find(({ volatility }) => volatility === 'volatile')
  if (!volatile) return {}
  const name = `${volatile.schema}.${volatile.name}(${volatile.args})`
  return {
    steps: [
      `Read the body of ${name}. Where it only reads and answers the same for every row of a statement, declare it so: ALTER FUNCTION ${name} STABLE;`,
      'Run this command again.',
    ],
  }
}
