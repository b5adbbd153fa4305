import { wantedSchemas } from '../../catalog/scope.ts'
import type { ParsedPolicy } from '../../policies/rewrite/parsedPolicies.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { printExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { disjuncts } from '../../syntax/nodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'
import { namesCaller } from './callerIn.ts'

/**
 * Policies for UPDATE without WITH CHECK by which a row can be taken from whose it is. USING then judges the new row too, and a
 * row that came in by one arm of an OR may leave by another: out of the sight of whoever else had it.
 *
 * ```sql
 * FOR UPDATE USING (is_open OR owner_id = (SELECT auth.uid()))
 * UPDATE notes SET owner_id = 'mine', is_open = false WHERE is_open;   -- passes
 * ```
 */
export const policyUpdateWithoutCheck: Rule = {
  name: 'policy_update_without_check',
  finds: 'policies for UPDATE without WITH CHECK by which rows can be taken over',
  cure: 'steps: a WITH CHECK that says what a changed row has to be',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { parsed } = await context.read(readParsedPolicies)
    const findings = parsed.flatMap((each) => {
      const { policy } = each
      const arms = wanted(policy.table.schema) ? takenOverBy(each) : undefined
      if (!arms) return []
      return [
        {
          level: 'warn' as const,
          subject: [policy.table.schema, policy.table.name, policy.name],
          detail: `Policy ${displayIdentifier(policy.name)} on ${display(policy.table)} has no WITH CHECK: who may change a row by ${printExpression(arms.open)} may make it their own by ${printExpression(arms.own)}.`,
          evidence: [measured('using', policy.using)],
          remedy: runbook(
            'Say what a changed row has to be',
            `ALTER POLICY ${quote(policy.name)} ON ${qualified(policy.table)} WITH CHECK (...);`,
            'A column that nobody may change needs a column privilege or a trigger: a policy does not see the old row and the new one together.',
          ),
        },
      ]
    })
    return unlessPoliciesLocked(context, findings)
  },
}

/** An arm that lets in rows of others, and one that says whose the row is. */
function takenOverBy({ policy, using, check }: ParsedPolicy): { open: Node; own: Node } | undefined {
  if (!policy.permissive || !['UPDATE', 'ALL'].includes(policy.command) || !using || check) return undefined
  const arms = disjuncts(using)
  const open = arms.find((arm) => !namesCaller(arm) && rowReferences(arm).length > 0)
  const own = arms.find((arm) => namesCaller(arm) && rowReferences(arm).length > 0)
  return open && own ? { open, own } : undefined
}
