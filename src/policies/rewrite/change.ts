import type { RelationName } from '../../postgres/identifiers.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { Node } from '../../syntax/nodes.ts'

/** The rules whose findings a rewrite of a policy fixes. */
export const rewriteRules = [
  'auth_rls_initplan',
  'policy_function_initplan',
  'policy_membership_function',
  'policy_correlated_subquery',
  'auth_function_planning',
] as const
export type RewriteRule = (typeof rewriteRules)[number]

/** One place that was rewritten. */
export interface Change {
  rule: RewriteRule
  /** The expression as it stood: `auth.uid()`. */
  was: string
  /** What stands there now. */
  becomes: string
  /** A column of the policy's table that needs an index first: only with it is this form the fast one. */
  needsIndexOn?: string
  /** For each VOLATILE function in it, why calling it once per statement is the same; absent without one. */
  notes?: string[]
  /** Tables whose policies are rewritten first: as they are, they run code for every row that this form reads. */
  follows?: RelationName[]
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
  /** It can be rewritten after something else has been, so the finding keeps its level. */
  isForNow?: boolean
}

/** The result for one expression. */
export interface Rewritten {
  tree: Node
  changes: Change[]
  refusals: Refusal[]
}

/** The steps of a refusal because a function is VOLATILE, which may only be the default. */
export function stepsIfVolatile(called: CatalogFunction[]): Pick<Refusal, 'steps'> {
  const volatile = called.find(({ volatility }) => volatility === 'volatile')
  if (!volatile) return {}
  const name = `${volatile.schema}.${volatile.name}(${volatile.args})`
  return {
    steps: [
      `If ${name} need not see what the calling command itself has changed, declare it STABLE: ALTER FUNCTION ${name} STABLE;`,
      'Run this command again.',
    ],
  }
}
