import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import type { ExposedRelation } from '../../catalog/exposure.ts'
import { listExposedRelations } from '../../catalog/exposure.ts'
import { listLockedTables } from '../../catalog/lockedRelations.ts'
import { listTableGrantees } from '../../catalog/tableGrantees.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Tables with row-level security and without a policy: only the owner and roles that bypass it see a row. That may be
 * intended (the application reads it as `service_role`) or forgotten. If nobody else has a privilege it is intended.
 *
 * ```sql
 * ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;          -- everybody else sees nothing, without an error
 * CREATE POLICY ... ON jobs ...;                        -- or: REVOKE ALL ON jobs FROM anon, authenticated;
 * ```
 */
export const rlsEnabledNoPolicy: Rule = {
  name: 'rls_enabled_no_policy',
  finds: 'tables with row-level security and without a policy, from which nobody reads a row',
  cure: 'a policy, or no privileges if nobody should read it',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { catalog } = await context.read(readParsedPolicies)
    const withPolicy = new Set(catalog.policies.map(({ table }) => table.oid))
    const locked = new Set((await context.read(listLockedTables)).map(({ oid }) => oid))
    const grantees = await context.read(listTableGrantees)
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
      .map((table) => findingAbout(table, grantees.get(table.oid) ?? []))
    return unlessPoliciesLocked(context, findings)
  },
}

function findingAbout(table: ExposedRelation, grantees: string[]): Violation {
  const finding = {
    level: 'info' as const,
    subject: [table.schema, table.name],
    detail: `${display(table)} has row-level security and no policy: only its owner and roles that bypass it see rows.`,
  }
  if (grantees.length === 0) {
    return {
      ...finding,
      evidence: [measured('privileges of', 'no role that it applies to')],
      remedy: {
        kind: 'none',
        title: 'Nothing to do: no role subject to row-level security has a privilege on the table.',
      },
      infoBecause: 'on tables that only their owner and roles with BYPASSRLS may reach',
    }
  }
  const roles = grantees.map(quote).join(', ')
  return {
    ...finding,
    evidence: [measured('privileges of', grantees.map(displayIdentifier).join(', '))],
    remedy: runbook(
      `Say who may see rows of ${display(table)}`,
      `If somebody should: CREATE POLICY ... ON ${qualified(table)} FOR SELECT TO ${roles} USING (...);`,
      `If nobody should, say so: REVOKE ALL ON ${qualified(table)} FROM ${roles};`,
    ),
  }
}
