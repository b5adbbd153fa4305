import { policyFindings } from './policyFindings.ts'
import type { Rule } from '../rule.ts'

/**
 * A sub-select of a policy that uses a column of the row is run for every row. Decorrelated, its rows are read once per
 * statement. Scans gain by that, but a lookup of one row may lose, so it is done only if no common query's plan gets
 * more expensive.
 *
 * ```sql
 * USING (EXISTS (SELECT 1 FROM members m WHERE m.org_id = docs.org_id AND m.user_id = auth.uid()))
 * USING (org_id IN (SELECT m.org_id FROM members m WHERE m.user_id = (SELECT auth.uid())))
 * ```
 */
export const policyCorrelatedSubquery: Rule = {
  name: 'policy_correlated_subquery',
  finds: 'sub-selects of policies that are run for every row',
  cure: 'the same rows read once per statement, where plans say that no common query gets slower',
  find: (context) => policyFindings(context, 'policy_correlated_subquery', 'is run for every row'),
}
