import { groupBy } from '../../groupBy.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import type { PolicyCommand } from '../../catalog/policies.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Restrictive policies without a permissive one beside them: they only take rows away, so nobody gets any.
 *
 * ```sql
 * CREATE POLICY tenant ON notes AS RESTRICTIVE USING (tenant_id = ...);   -- alone it lets nothing through
 * CREATE POLICY own ON notes FOR SELECT TO authenticated USING (owner_id = (SELECT auth.uid()));
 * ```
 */
export const rlsOnlyRestrictivePolicies: Rule = {
  name: 'rls_only_restrictive_policies',
  finds: 'restrictive policies for a command that no permissive one lets through',
  cure: 'a permissive policy',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { catalog } = await context.read(readParsedPolicies)
    const findings = [...groupBy(catalog.policies, ({ tableOid }) => tableOid).values()].flatMap(
      (policies) => {
        const [first] = policies
        if (!first?.table.rowSecurity || !wanted(first.table.schema)) return []
        const lets = (command: PolicyCommand): boolean =>
          policies.some(
            (each) =>
              each.permissive && (each.command === 'ALL' || command === 'ALL' || each.command === command),
          )
        const alone = policies.filter(({ permissive, command }) => !permissive && !lets(command))
        if (alone.length === 0) return []
        const { table } = first
        const commands = [
          ...new Set(alone.map(({ command }) => (command === 'ALL' ? 'any command' : command))),
        ]
        return [
          {
            level: 'warn' as const,
            subject: [table.schema, table.name],
            detail: `${display(table)} has restrictive policies for ${shortList(commands)} and no permissive one: nobody gets a row.`,
            evidence: [measured('restrictive', shortList(alone.map(({ name }) => displayIdentifier(name))))],
            remedy: runbook(
              'Say who may get rows at all',
              `CREATE POLICY ... ON ${qualified(table)} FOR ${commands[0] === 'any command' ? 'ALL' : (commands[0] ?? 'ALL')} TO ... USING (...);`,
              'If nobody should, drop the restrictive policies: without a policy nobody gets a row either.',
            ),
          },
        ]
      },
    )
    return unlessPoliciesLocked(context, findings)
  },
}
