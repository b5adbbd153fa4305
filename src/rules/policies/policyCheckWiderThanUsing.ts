import { wantedSchemas } from '../../catalog/scope.ts'
import { isTrue } from '../../policies/read/positiveContext.ts'
import type { ParsedPolicy } from '../../policies/rewrite/parsedPolicies.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { canonical, printExpression, wrappedIn } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { conjuncts, disjuncts } from '../../syntax/nodes.ts'
import { replaceNodes } from '../../syntax/replaceNodes.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'
import { namesCaller } from './callerIn.ts'

/**
 * Policies for UPDATE whose WITH CHECK asks less than USING: who may change a row may change it into one that they could not
 * have changed. Where USING says whose row it is and WITH CHECK does not, they can give it to anybody.
 *
 * ```sql
 * USING (owner_id = (SELECT auth.uid())) WITH CHECK (true)                     -- into somebody else's row
 * USING (owner_id = (SELECT auth.uid())) WITH CHECK (owner_id = (SELECT auth.uid()))
 * ```
 *
 * It may be intended: to publish a draft is to change it into a row that is no draft. Then it is only mentioned.
 */
export const policyCheckWiderThanUsing: Rule = {
  name: 'policy_check_wider_than_using',
  finds: 'policies whose WITH CHECK lets through rows that USING does not',
  cure: 'steps: the same condition in both',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { parsed } = await context.read(readParsedPolicies)
    const findings = parsed.flatMap((each) => {
      const { policy } = each
      const missing = wanted(policy.table.schema) ? leftOutOfCheck(each) : []
      if (missing.length === 0) return []
      const givesAway = missing.some(namesCaller)
      const text = missing.map(printExpression).join(' and ')
      return [
        {
          level: givesAway ? ('warn' as const) : ('info' as const),
          subject: [policy.table.schema, policy.table.name, policy.name],
          detail: `Policy ${displayIdentifier(policy.name)} on ${display(policy.table)} lets rows be changed into ones that do not pass its USING: WITH CHECK does not ask ${text}.`,
          evidence: [measured('using', policy.using), measured('check', policy.check)],
          remedy: runbook(
            'Say what a changed row has to be',
            `Without WITH CHECK, USING judges the new row too. Write a WITH CHECK of its own only where the new row may be another one than the old.`,
            'If it is intended, list it in the ignore file.',
          ),
          ...(givesAway
            ? {}
            : { infoBecause: 'where what WITH CHECK leaves out does not say who is calling' }),
        },
      ]
    })
    return unlessPoliciesLocked(context, findings)
  },
}

/** The conditions of USING that a new row need not meet; empty where WITH CHECK is not plainly the wider one. */
function leftOutOfCheck({ policy, using, check }: ParsedPolicy): Node[] {
  if (!policy.permissive || !['UPDATE', 'ALL'].includes(policy.command) || !using || !check) return []
  if (isTrue(using)) return []
  const asked = conjuncts(using)
  if (isTrue(check)) return asked
  const left = new Set(conjuncts(check).map(plain))
  const missing = asked.filter((condition) => !left.has(plain(condition)))
  if (missing.length > 0 && asked.length - missing.length === left.size) return missing
  const arms = disjuncts(using).map(plain)
  const more = disjuncts(check).map(plain)
  return more.length > arms.length && arms.every((arm) => more.includes(arm)) ? [using] : []
}

/** The text of a condition, the same whether its calls are wrapped in a sub-select or not. */
function plain(condition: Node): string {
  return canonical(replaceNodes(condition, wrappedIn))
}
