import { display, displayIdentifier } from '../db/identifiers.ts'
import { dropDuplicatePolicy } from '../drafts/dropDuplicatePolicy.ts'
import type { PolicyDefinition } from '../introspect/policyDefinitions.ts'
import { listPolicyDefinitions } from '../introspect/policyDefinitions.ts'
import type { DuplicatePolicy } from '../policies/duplicatePolicies.ts'
import { findDuplicatePolicies } from '../policies/duplicatePolicies.ts'
import { readParsedPolicies } from '../policies/policyRewrites.ts'
import type { Remedy, Rule } from './rule.ts'

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
    const { catalog } = await context.read(readParsedPolicies)
    const definitions = await context.read(listPolicyDefinitions)
    const found = await findDuplicatePolicies(catalog)
    return found
      .filter(({ dropped }) => context.schemas?.includes(dropped.table.schema) ?? true)
      .map((duplicate) => {
        const { table, name } = duplicate.dropped
        const remedy = remedyFor(duplicate, definitions)
        return {
          rule: 'duplicate_policy',
          level: remedy.kind === 'migration' && table.rowSecurity ? 'warn' : 'info',
          subject: [table.schema, table.name, name],
          detail: `Policy ${displayIdentifier(name)} on ${display(table)} says the same as ${displayIdentifier(duplicate.kept.name)}.`,
          evidence: [
            { name: 'using', value: duplicate.dropped.using, kind: 'measured' },
            { name: 'check', value: duplicate.dropped.check, kind: 'measured' },
          ],
          remedy,
        }
      })
  },
}

function remedyFor(
  { dropped, kept, reason }: DuplicatePolicy,
  definitions: Map<number, PolicyDefinition>,
): Remedy {
  if (reason !== undefined) return { kind: 'none', title: `Left as it is: ${reason}.` }
  const { table } = dropped
  if (!table.isOurs) {
    const owner = displayIdentifier(table.owner)
    return {
      kind: 'none',
      title: `Left as it is: only the owner of ${display(table)}, ${owner}, may drop it.`,
    }
  }
  const definition = definitions.get(dropped.oid)
  if (!definition) return { kind: 'none', title: 'Left as it is: it is no longer there.' }
  return {
    kind: 'migration',
    title: `Drop policy ${displayIdentifier(dropped.name)} on ${display(table)}`,
    draft: dropDuplicatePolicy(definition, kept.name),
  }
}
