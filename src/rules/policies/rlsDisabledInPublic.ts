import { display, qualified } from '../../postgres/identifiers.ts'
import { listExposedRelations } from '../../catalog/exposure.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

/**
 * Tables that the roles of the API can reach and that have no row-level security: whoever has the public key reads
 * and writes all of them.
 *
 * ```sql
 * GRANT ALL ON notes TO anon, authenticated;           -- what Supabase grants on every new table
 * ALTER TABLE notes ENABLE ROW LEVEL SECURITY;          -- and policies for who may see what
 * ```
 */
export const rlsDisabledInPublic: Rule = {
  name: 'rls_disabled_in_public',
  finds: 'tables that anon or authenticated can reach and that have no row-level security',
  cure: 'steps for switching it on with policies',
  async find(context) {
    const wanted = await wantedSchemas(context)
    return (await context.read(listExposedRelations))
      .filter(
        (table) =>
          !table.rowSecurity &&
          (table.kind === 'r' || table.kind === 'p') &&
          // Partitions of a table that has it are left to partition_without_rls.
          table.securedRoot === null &&
          table.reachableBy.length > 0 &&
          !table.isExtensionOwned &&
          wanted(table.schema),
      )
      .map((table) => ({
        level: 'error' as const,
        subject: [table.schema, table.name],
        detail: `${display(table)} has no row-level security, and ${table.reachableBy.join(' and ')} may use it.`,
        evidence: [measured('reachable by', table.reachableBy.join(', '))],
        remedy: runbook(
          `Secure ${display(table)}`,
          `Create the policies first; they take effect with the last step: CREATE POLICY ... ON ${qualified(table)} ...;`,
          `ALTER TABLE ${qualified(table)} ENABLE ROW LEVEL SECURITY;`,
          `Or, if the API does not need the table: REVOKE ALL ON ${qualified(table)} FROM anon, authenticated;`,
        ),
      }))
  },
}
