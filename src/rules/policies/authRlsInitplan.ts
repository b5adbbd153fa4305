import { policyFindings } from './policyFindings.ts'
import type { Rule } from '../rule.ts'

/**
 * `auth.uid()`, `auth.jwt()`, `auth.role()`, `auth.email()` and `current_setting(...)` in a policy run for every row.
 * Inside a scalar sub-select they become an InitPlan, which runs once per statement.
 *
 * ```sql
 * USING (owner = auth.uid())            -- 100,000 rows: 109 ms
 * USING (owner = (SELECT auth.uid()))   --                 5 ms, and an index on owner is used
 * ```
 */
export const authRlsInitplan: Rule = {
  name: 'auth_rls_initplan',
  finds: 'auth functions and current_setting() that a policy calls for every row',
  cure: 'a sub-select around them, so that they run once per statement',
  find: (context) => policyFindings(context, 'auth_rls_initplan', 'runs for every row'),
}
