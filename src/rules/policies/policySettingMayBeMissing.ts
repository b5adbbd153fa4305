import { wantedSchemas } from '../../catalog/scope.ts'
import { nameOfCall } from '../../policies/read/calls.ts'
import type { Reach } from '../../policies/read/reach.ts'
import type { ParsedPolicy } from '../../policies/rewrite/parsedPolicies.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import { as, nodesIn } from '../../syntax/nodes.ts'
import { unique } from '../../unique.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Policies that end every query with an error where nobody has set what they read: a pooled connection, a migration, a
 * monitoring query. With `missing_ok` the setting is NULL there, and no row passes.
 *
 * ```sql
 * USING (tenant_id = current_setting('app.tenant')::uuid)        -- ERROR: unrecognized configuration parameter
 * USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
 * ```
 *
 * `nullif`: after a transaction that set it locally, the setting is an empty text.
 */
export const policySettingMayBeMissing: Rule = {
  name: 'policy_setting_may_be_missing',
  finds: 'policies that fail where a setting of the application is not set',
  cure: "steps: current_setting('...', true)",
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { parsed, reach } = await context.read(readParsedPolicies)
    const findings = parsed.flatMap((each) => {
      const { policy } = each
      const settings = wanted(policy.table.schema) ? settingsOf(each, reach) : []
      if (settings.length === 0) return []
      return [
        {
          level: 'warn' as const,
          subject: [policy.table.schema, policy.table.name, policy.name],
          detail: `Policy ${displayIdentifier(policy.name)} on ${display(policy.table)} fails where ${shortList(settings)} is not set.`,
          evidence: [measured('using', policy.using), measured('check', policy.check)],
          remedy: runbook(
            'Let no row pass where the setting is missing',
            ...settings.map(
              (setting) =>
                `Write nullif(current_setting('${setting}', true), '') for current_setting('${setting}').`,
            ),
          ),
        },
      ]
    })
    return unlessPoliciesLocked(context, findings)
  },
}

/** The settings that the policy, or a function that it calls, reads and that have to be there. */
function settingsOf({ policy, using, check }: ParsedPolicy, reach: Reach): string[] {
  const bodies = policy.functionOids.map((oid) => reach.bodies.get(oid)?.parts)
  return unique(
    nodesIn([using, check, ...bodies]).flatMap((node) => {
      const call = as(node, 'FuncCall')
      if (!call || nameOfCall(call).name !== 'current_setting') return []
      const [named, missing] = call.args ?? []
      const setting = as(as(named, 'TypeCast')?.arg ?? named, 'A_Const')?.sval?.sval
      // Names without a dot are the server's own settings, which are always there.
      if (!setting?.includes('.') || as(missing, 'A_Const')?.boolval?.boolval === true) return []
      return [setting]
    }),
  )
}
