import { display } from '../../postgres/identifiers.ts'
import type { PlanVerdicts } from './correlated.ts'
import type { ParsedPolicy } from './parsedPolicies.ts'
import { tablesRunningCode } from './parsedPolicies.ts'
import type { PolicyRewrite } from './policyRewrites.ts'

/**
 * The verdicts without those that wait for tables whose policies run no code for every row once these rewrites are
 * made; the same map where nothing changes.
 */
export function liftVerdicts(
  verdicts: PlanVerdicts,
  parsed: ParsedPolicy[],
  rewrites: PolicyRewrite[],
): PlanVerdicts {
  const after = new Map(rewrites.map(({ policy, usingAfter }) => [policy.oid, usingAfter]))
  const slow = tablesRunningCode(
    parsed.map(({ policy, using }) => {
      const tree = after.get(policy.oid) ?? using
      return { policy, ...(tree ? { using: tree } : {}) }
    }),
  )
  const lifted = [...verdicts].filter(
    ([, verdict]) =>
      verdict?.waitsFor !== undefined &&
      !verdict.isLifted &&
      !verdict.isDearerNow &&
      verdict.waitsFor.every((table) => !slow.has(display(table))),
  )
  if (lifted.length === 0) return verdicts
  return new Map([
    ...verdicts,
    ...lifted.map(([key, verdict]) => [key, verdict && { ...verdict, isLifted: true }] as const),
  ])
}
