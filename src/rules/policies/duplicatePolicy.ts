import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { dropDuplicatePolicy } from '../../operations/dropDuplicatePolicy.ts'
import type { DuplicatePolicy } from '../../policies/rewrite/duplicatePolicies.ts'
import { findDuplicatePolicies } from '../../policies/rewrite/duplicatePolicies.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { planPolicies } from './policyPlan.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Remedy, Rule } from '../rule.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
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
 */
export const duplicatePolicy: Rule = {
  name: 'duplicate_policy',
  finds: 'policies that say exactly what another one says',
  cure: 'the newer one is dropped',
  async find(context) {
    const policies = await context.read(readParsedPolicies)
    const found = await findDuplicatePolicies(policies.catalog)
    const rewritten = found.length === 0 ? new Set<number>() : await rewrittenBeside(context)
    const findings = found
      .filter(({ dropped }) => context.schemas?.includes(dropped.table.schema) ?? true)
      .map((duplicate): Violation => {
        const { table, name } = duplicate.dropped
        const remedy = remedyFor(duplicate, rewritten)
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

/**
 * The policies that other fixes of the same run change. A migration could not run if another one alters the policy that
 * it drops, or has altered the policy that it compares with.
 */
async function rewrittenBeside(context: Snapshot): Promise<Set<number>> {
  const { rewrites } = await planPolicies(context)
  return new Set(rewrites.filter(({ changes }) => changes.length > 0).map(({ policy }) => policy.oid))
}

function remedyFor({ dropped, kept, reason }: DuplicatePolicy, rewritten: ReadonlySet<number>): Remedy {
  if (reason !== undefined) return { kind: 'none', title: `Left as it is: ${reason}.` }
  const { table } = dropped
  if (!table.isOurs) {
    const owner = displayIdentifier(table.owner)
    return {
      kind: 'none',
      title: `Left as it is: only the owner of ${display(table)}, ${owner}, may drop it.`,
    }
  }
  if (rewritten.has(dropped.oid) || rewritten.has(kept.oid)) {
    return runbook(
      'Rewrite both alike first, then drop one of them',
      'Apply the migration that rewrites the policies of this table.',
      'Run this command again.',
    )
  }
  return {
    kind: 'migration',
    title: `Drop policy ${displayIdentifier(dropped.name)} on ${display(table)}`,
    operation: dropDuplicatePolicy(table, dropped, kept.name),
  }
}
