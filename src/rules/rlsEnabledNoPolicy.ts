import { display, qualified } from '../db/identifiers.ts'
import { listExposedRelations } from '../introspect/exposure.ts'
import { listLockedTables } from '../introspect/lockedRelations.ts'
import { readParsedPolicies } from '../policies/parsedPolicies.ts'
import { measured, runbook } from './remedies.ts'
import type { Rule } from './rule.ts'
import { wantedSchemas } from './scope.ts'
import { unlessPoliciesLocked } from './unlessLocked.ts'

/**
 * Tables with row-level security and without a policy: only the owner and roles that bypass it see a row. That may
 * be meant (the application reads it as `service_role`) or forgotten.
 *
 * ```sql
 * ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;          -- everybody else sees nothing, without an error
 * CREATE POLICY ... ON jobs ...;                        -- or: REVOKE ALL ON jobs FROM anon, authenticated;
 * ```
 */
export const rlsEnabledNoPolicy: Rule = {
  name: 'rls_enabled_no_policy',
  finds: 'tables with row-level security and without a policy, from which nobody reads a row',
  cure: 'a policy, or no privileges where it is meant so',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { catalog } = await context.read(readParsedPolicies)
    const withPolicy = new Set(catalog.policies.map(({ table }) => table.oid))
    const locked = new Set((await context.read(listLockedTables)).map(({ oid }) => oid))
    const findings = (await context.read(listExposedRelations))
      .filter(
        (table) =>
          table.rowSecurity &&
          (table.kind === 'r' || table.kind === 'p') &&
          wanted(table.schema) &&
          !table.isExtensionOwned &&
          // A partition is read through its parent, whose policies count.
          table.securedRoot === null &&
          !withPolicy.has(table.oid) &&
          !locked.has(table.oid),
      )
      .map((table) => ({
        rule: 'rls_enabled_no_policy' as const,
        level: 'info' as const,
        subject: [table.schema, table.name],
        detail: `${display(table)} has row-level security and no policy: only its owner and roles that bypass it see rows.`,
        evidence: [measured('privileges of', table.reachableBy.join(', ') || 'no role of the API')],
        remedy: runbook(
          `Say who may see rows of ${display(table)}`,
          `Where somebody should: CREATE POLICY ... ON ${qualified(table)} FOR SELECT TO authenticated USING (...);`,
          `Where nobody should, say so: REVOKE ALL ON ${qualified(table)} FROM anon, authenticated;`,
        ),
      }))
    return unlessPoliciesLocked(context, findings)
  },
}
