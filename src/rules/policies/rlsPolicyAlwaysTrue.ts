import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import type { ParsedPolicy } from '../../policies/rewrite/parsedPolicies.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { shortList } from '../../shortList.ts'
import { isTrue } from '../../policies/read/positiveContext.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Permissive policies that let everybody write every row. Reading everything is often intended, and not reported;
 * writing everything seldom is.
 *
 * ```sql
 * CREATE POLICY "anybody" ON notes FOR UPDATE USING (true);
 * CREATE POLICY "anybody" ON notes FOR INSERT WITH CHECK (true);
 * ```
 */
export const rlsPolicyAlwaysTrue: Rule = {
  name: 'rls_policy_always_true',
  finds: 'policies that let everybody write every row: USING (true) for more than SELECT',
  cure: 'a condition, or privileges for those who may',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { parsed } = await context.read(readParsedPolicies)
    const findings = parsed
      .filter((each) => wanted(each.policy.table.schema) && letsEverybodyWrite(each))
      .map(({ policy }) => ({
        level: policy.table.rowSecurity ? ('warn' as const) : ('info' as const),
        subject: [policy.table.schema, policy.table.name, policy.name],
        detail: `Policy ${displayIdentifier(policy.name)} on ${display(policy.table)} lets ${shortList(policy.roles.map(displayIdentifier)) || 'everybody'} write every row.`,
        evidence: [measured('using', policy.using), measured('check', policy.check)],
        remedy: runbook(
          'Say which rows may be written, and by whom',
          'Replace `true` by a condition on the row, such as owner_id = (SELECT auth.uid()).',
          'A service needs no policy: service_role bypasses row-level security.',
        ),
      }))
    return unlessPoliciesLocked(context, findings)
  },
}

function letsEverybodyWrite({ policy, using, check }: ParsedPolicy): boolean {
  if (!policy.permissive || policy.command === 'SELECT') return false
  // Roles that bypass row-level security anyway, and the platform's own, do not count as everybody.
  const reaches =
    policy.roles.length === 0 || policy.roles.some((role) => ['anon', 'authenticated'].includes(role))
  if (!reaches) return false
  if (policy.command === 'INSERT') return isTrue(check)
  if (policy.command === 'DELETE') return isTrue(using)
  // Without a WITH CHECK, USING judges the new row.
  return isTrue(using) && (check === undefined || isTrue(check))
}
