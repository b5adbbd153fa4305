import type { Condition } from '../../conditions/condition.ts'
import { fails, holds } from '../../conditions/condition.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import type { ProofOptions } from './prove.ts'
import { describeCoverage, describeDifference } from './report.ts'
import type { PolicyRewrite } from './rewritten.ts'

/**
 * Holds when the policies of the table, once they are rewritten so, let everybody see and change the same
 * rows as now. It belongs to `before` of the migration that rewrites them: the catalog has the old predicates
 * there, and nothing is locked while rows are compared.
 *
 * ```ts
 * rewriteIsEquivalent(bookings, [
 *   { policy: 'own rows', using: '(customer_id = ( SELECT auth.uid() AS uid))', check: null },
 *   { policy: 'own rows again', dropped: true },
 * ])
 * ```
 *
 * It fails where a row is lost or gained, and also where nothing could be shown: see `proveEquivalence`, which
 * gives the whole report.
 */
export function rewriteIsEquivalent(
  table: RelationName,
  rewrites: PolicyRewrite[],
  options: ProofOptions = {},
): Condition {
  const names = shortList(rewrites.map(({ policy }) => displayIdentifier(policy)))
  return {
    description: `rewriting ${names} on ${display(table)} changes no row for anybody`,
    dependsOnData: true,
    async check(db) {
      // Loaded when it is asked for: it brings PostgreSQL's parser, and most runs only read what a migration says.
      const { proveEquivalence } = await import('./prove.ts')
      const report = await proveEquivalence(db, table, rewrites, options)
      if (report.outcome === 'equivalent') return holds
      if (report.outcome === 'not shown') {
        const found = `${shortList(report.reasons, '; ')} (${describeCoverage(report)})`
        return fails('the same rows for everybody, and enough to tell', `that it cannot be told: ${found}`)
      }
      const [first, ...others] = report.differences
      const more = others.length > 0 ? `, and ${others.length} more` : ''
      return fails('the same rows for everybody', `${first ? describeDifference(first) : ''}${more}`)
    },
  }
}
