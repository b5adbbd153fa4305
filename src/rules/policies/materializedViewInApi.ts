import { listExposedRelations } from '../../catalog/exposure.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { listViewReads } from '../../catalog/viewReads.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'

/**
 * Materialized views that the API can reach. They cannot have row-level security: who may read one reads all of it, also
 * rows that the policies of the tables below keep from them.
 *
 * ```sql
 * CREATE MATERIALIZED VIEW sales AS SELECT shop_id, sum(price) FROM orders GROUP BY shop_id; -- every shop's
 * ```
 *
 * That changes who sees what, so it is not written as a migration.
 */
export const materializedViewInApi: Rule = {
  name: 'materialized_view_in_api',
  finds: 'materialized views that anon or authenticated can read',
  cure: 'steps: a function or view that asks who is calling',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const relations = await context.read(listExposedRelations)
    const reads = await context.read(listViewReads)
    return relations
      .filter(
        (view) =>
          view.kind === 'm' && view.reachableBy.length > 0 && !view.isExtensionOwned && wanted(view.schema),
      )
      .map((view) => {
        const read = new Set(reads.get(view.oid))
        const guarded = relations.filter(({ oid, rowSecurity }) => rowSecurity && read.has(oid)).map(display)
        const roles = view.reachableBy.map(quote).join(', ')
        return {
          level: guarded.length > 0 ? ('warn' as const) : ('info' as const),
          subject: [view.schema, view.name],
          detail:
            guarded.length > 0
              ? `${view.reachableBy.join(' and ')} may read all of ${display(view)}, also what the policies of ${shortList(guarded)} keep from them.`
              : `${view.reachableBy.join(' and ')} may read all of ${display(view)}: a materialized view has no policies.`,
          evidence: [
            measured('reachable by', view.reachableBy.join(', ')),
            measured('reads tables with policies', guarded.join(', ') || null),
          ],
          remedy: runbook(
            `Let clients read ${display(view)} through something that asks who is calling`,
            `Make a view over it, WITH (security_barrier), whose WHERE has the condition of the policies, and let clients read that view.`,
            `REVOKE ALL ON ${qualified(view)} FROM ${roles};`,
            `To take it back: GRANT SELECT ON ${qualified(view)} TO ${roles};`,
          ),
          ...(guarded.length > 0
            ? {}
            : { infoBecause: 'on materialized views over tables without policies' }),
        }
      })
  },
}
