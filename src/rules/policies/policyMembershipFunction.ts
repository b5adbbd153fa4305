import { policyFindings } from './policyFindings.ts'
import type { Rule } from '../rule.ts'

/**
 * `is_org_member(org_id)` searches the memberships again for every row. It is true for only a few keys, which a helper
 * with the same rights can read once per statement.
 *
 * ```sql
 * USING (is_org_member(org_id))                                             -- 500,000 rows: 3,640 ms
 * USING (org_id = ANY ((SELECT private.is_org_member_org_ids())::uuid[]))   --                   5 ms
 * ```
 */
export const policyMembershipFunction: Rule = {
  name: 'policy_membership_function',
  finds: 'functions of the row, such as is_member(org_id), that a policy calls for every row',
  cure: 'helpers that list the keys, and say what does not depend on the row, once per statement',
  find: (context) =>
    policyFindings(context, 'policy_membership_function', 'is a function of the row and runs for each'),
}
