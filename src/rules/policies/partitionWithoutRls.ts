import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { enableRowSecurity } from '../../operations/enableRowSecurity.ts'
import { listExposedRelations } from '../../catalog/exposure.ts'
import { measured, migration, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

/**
 * Partitions without row-level security of a table that has it. PostgreSQL does not pass it on to partitions: queries
 * through the parent obey its policies, but queries that name the partition read all of it.
 *
 * ```sql
 * SELECT count(*) FROM events;        -- 0 rows, by the policies of the parent
 * SELECT count(*) FROM events_2026;   -- 13,316 rows
 * ALTER TABLE events_2026 ENABLE ROW LEVEL SECURITY;
 * ```
 *
 * Queries through the parent are judged by the parent's policies alone, before and after.
 */
export const partitionWithoutRls: Rule = {
  name: 'partition_without_rls',
  finds: 'partitions without row-level security of a table that has it, open to anon or authenticated',
  cure: 'row-level security on the partition; the parent works as before',
  async find(context) {
    const wanted = await wantedSchemas(context)
    return (await context.read(listExposedRelations))
      .filter(
        (table) =>
          !table.rowSecurity &&
          (table.kind === 'r' || table.kind === 'p') &&
          table.securedRoot !== null &&
          table.reachableBy.length > 0 &&
          wanted(table.schema),
      )
      .map((table) => {
        const name = { schema: table.schema, name: table.name }
        const readers = table.reachableBy.join(' and ')
        return {
          level: 'error' as const,
          subject: [table.schema, table.name],
          detail: `${display(table)} is a partition of ${table.securedRoot ?? ''}, which has row-level security; it has none itself, and ${readers} may read it directly.`,
          evidence: [
            measured('partition of', table.securedRoot),
            measured('reachable by', table.reachableBy.join(', ')),
          ],
          remedy: table.isOurs
            ? migration(
                enableRowSecurity(name, {
                  rule: 'partition_without_rls',
                  why:
                    `Policies of ${table.securedRoot ?? ''} hold only for queries through it. ${readers} may name ` +
                    `${display(table)} itself and read every row. With row-level security and no policy of its own ` +
                    'nobody reads it directly but its owner; queries through the parent see the same rows as before.',
                }),
              )
            : runbook(
                `Secure ${display(table)}`,
                `As ${displayIdentifier(table.owner)}: ALTER TABLE ${display(table)} ENABLE ROW LEVEL SECURITY;`,
              ),
        }
      })
  },
}
