import { listExposedRelations } from '../../catalog/exposure.ts'
import { listLockedTables } from '../../catalog/lockedRelations.ts'
import { listRoles } from '../../catalog/roles.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { listTableGrantees } from '../../catalog/tableGrantees.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Tables whose policies apply to nobody: they are for every role, and only the owner has a privilege on the table. So the
 * application connects as the owner, to whom policies do not apply without FORCE.
 *
 * ```sql
 * CREATE POLICY tenant ON orders USING (tenant_id = current_setting('app.tenant', true)::uuid);
 * ALTER TABLE orders FORCE ROW LEVEL SECURITY;  -- or: GRANT ... ON orders TO app, which is not the owner
 * ```
 *
 * That changes which rows the owner sees, in migrations and backups too, so it is not written as a migration.
 */
export const rlsNotForced: Rule = {
  name: 'rls_not_forced',
  finds: 'tables whose policies apply to nobody, since only the owner can reach them',
  cure: 'steps: FORCE ROW LEVEL SECURITY, or a role of its own for the application',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { catalog } = await context.read(readParsedPolicies)
    const forAll = new Set(
      catalog.policies.flatMap(({ roles, permissive, table }) =>
        roles.length === 0 && permissive ? table.oid : [],
      ),
    )
    const roles = await listRoles(context.db)
    const exempt = new Set(roles.filter(({ isExempt }) => isExempt).map(({ name }) => name))
    const grantees = await context.read(listTableGrantees)
    const locked = new Set((await context.read(listLockedTables)).map(({ oid }) => oid))
    const findings = (await context.read(listExposedRelations))
      .filter(
        (table) =>
          table.rowSecurity &&
          !table.forcesRowSecurity &&
          'rp'.includes(table.kind) &&
          wanted(table.schema) &&
          forAll.has(table.oid) &&
          (grantees.get(table.oid) ?? []).length === 0 &&
          !exempt.has(table.owner) &&
          !locked.has(table.oid),
      )
      .map((table) => ({
        level: 'warn' as const,
        subject: [table.schema, table.name],
        detail: `The policies of ${display(table)} apply to nobody: only its owner ${displayIdentifier(table.owner)} has a privilege on it.`,
        evidence: [measured('owner', table.owner), measured('forced', false)],
        remedy: runbook(
          'Let the policies apply to whoever serves requests',
          'Let the application connect as a role of its own, which is not the owner, and GRANT it what it needs.',
          `Or: ALTER TABLE ${qualified(table)} FORCE ROW LEVEL SECURITY; -- then migrations and pg_dump as the owner see what the policies show`,
          `To take it back: ALTER TABLE ${qualified(table)} NO FORCE ROW LEVEL SECURITY;`,
        ),
      }))
    return unlessPoliciesLocked(context, findings)
  },
}
