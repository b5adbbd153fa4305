import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Tables that have policies although row-level security is off: the policies keep nobody out, though somebody believes
 * that they do.
 *
 * ```sql
 * CREATE POLICY mine ON notes USING (owner_id = auth.uid());  -- without effect until:
 * ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
 * ```
 *
 * Switching it on hides rows from roles that read them today, so it is not written as a migration.
 */
export const policyExistsRlsDisabled: Rule = {
  name: 'policy_exists_rls_disabled',
  finds: 'tables whose policies have no effect, since row-level security is off',
  cure: 'steps for switching it on',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { catalog } = await context.read(readParsedPolicies)
    const findings = new Map<number, Violation>()
    for (const { table } of catalog.policies) {
      if (table.rowSecurity || !wanted(table.schema) || findings.has(table.oid)) continue
      const policies = catalog.policies.filter((each) => each.table.oid === table.oid)
      findings.set(table.oid, {
        level: 'error',
        subject: [table.schema, table.name],
        detail: `${display(table)} has policies, but row-level security is off: they keep nobody out.`,
        evidence: [measured('policies', policies.map(({ name }) => displayIdentifier(name)).join(', '))],
        remedy: runbook(
          `Switch on row-level security of ${display(table)}`,
          'Check with the application which roles read and write the table; every row that no policy lets through disappears for them.',
          `ALTER TABLE ${qualified(table)} ENABLE ROW LEVEL SECURITY;`,
          `To take it back: ALTER TABLE ${qualified(table)} DISABLE ROW LEVEL SECURITY;`,
        ),
      })
    }
    return unlessPoliciesLocked(context, [...findings.values()])
  },
}
