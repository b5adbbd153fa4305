import { display, qualified } from '../../postgres/identifiers.ts'
import { listExposedRelations } from '../../catalog/exposure.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

/**
 * Views that the API can reach and that read with the rights of their owner: row-level security of the tables below
 * applies to the owner, who sees everything.
 *
 * ```sql
 * CREATE VIEW my_notes AS SELECT * FROM notes;                            -- everybody's notes
 * ALTER VIEW my_notes SET (security_invoker = true);                      -- PostgreSQL 15 and newer
 * ```
 *
 * That changes which rows are seen, so it is not written as a migration.
 */
export const securityDefinerView: Rule = {
  name: 'security_definer_view',
  finds: 'views that anon or authenticated can read with the rights of the owner',
  cure: 'steps for security_invoker',
  async find(context) {
    const wanted = await wantedSchemas(context)
    return (await context.read(listExposedRelations))
      .filter(
        (view) =>
          view.kind === 'v' &&
          !view.isSecurityInvoker &&
          view.reachableBy.length > 0 &&
          !view.isExtensionOwned &&
          wanted(view.schema),
      )
      .map((view) => ({
        level: 'error' as const,
        subject: [view.schema, view.name],
        detail: `The view ${display(view)} reads with the rights of ${view.owner}, and ${view.reachableBy.join(' and ')} may read it.`,
        evidence: [measured('owner', view.owner), measured('reachable by', view.reachableBy.join(', '))],
        remedy: runbook(
          `Let ${display(view)} read with the rights of its caller`,
          'Check that its readers may read the tables below it, and that the policies there let through what they need.',
          `ALTER VIEW ${qualified(view)} SET (security_invoker = true); -- PostgreSQL 15 and newer`,
          `To take it back: ALTER VIEW ${qualified(view)} RESET (security_invoker);`,
          'If the rights of the owner are intended, keep it, and say so in a comment.',
        ),
      }))
  },
}
