import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { dropDuplicatePolicy } from '../../operations/dropDuplicatePolicy.ts'
import type { DuplicatePolicy } from '../../policies/rewrite/duplicatePolicies.ts'
import { findDuplicatePolicies } from '../../policies/rewrite/duplicatePolicies.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { measured } from '../remedies.ts'
import type { Violation, Remedy, Rule } from '../rule.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Policies that say exactly what another one of the table says. Each is evaluated for every row.
 *
 * ```sql
 * CREATE POLICY "Users can view" ON notes FOR SELECT USING (owner_id = (SELECT auth.uid()));
 * CREATE POLICY "users_select"   ON notes FOR SELECT USING (owner_id = (SELECT auth.uid()));
 * -- after
 * DROP POLICY "users_select" ON notes;
 * ```
 *
 * It is dropped before the other one is rewritten, while both are still alike.
 */
export const duplicatePolicy: Rule = {
  name: 'duplicate_policy',
  finds: 'policies that say exactly what another one says',
  cure: 'the newer one is dropped',
  async find(context) {
    const policies = await context.read(readParsedPolicies)
    const found = await findDuplicatePolicies(policies.catalog)
    const findings = found
      .filter(({ dropped }) => context.schemas?.includes(dropped.table.schema) ?? true)
      .map((duplicate): Violation => {
        const { table, name } = duplicate.dropped
        const remedy = remedyFor(duplicate)
        return {
          level: remedy.kind === 'migration' && table.rowSecurity ? 'warn' : 'info',
          subject: [table.schema, table.name, name],
          detail: `Policy ${displayIdentifier(name)} on ${display(table)} says the same as ${displayIdentifier(duplicate.kept.name)}.`,
          evidence: [measured('using', duplicate.dropped.using), measured('check', duplicate.dropped.check)],
          remedy,
        }
      })
    return unlessPoliciesLocked(context, findings)
  },
}

function remedyFor({ dropped, kept, reason }: DuplicatePolicy): Remedy {
  if (reason !== undefined) return { kind: 'none', title: `Left as it is: ${reason}.` }
  const { table } = dropped
  if (!table.isOurs) {
    const owner = displayIdentifier(table.owner)
    return {
      kind: 'none',
      title: `Left as it is: only the owner of ${display(table)}, ${owner}, may drop it.`,
    }
  }
  return {
    kind: 'migration',
    title: `Drop policy ${displayIdentifier(dropped.name)} on ${display(table)}`,
    operation: dropDuplicatePolicy(table, dropped, kept.name),
  }
}
