import { policyFindings } from './policyFindings.ts'
import type { Rule } from '../rule.ts'

/**
 * A STABLE function without a column of the row as argument, such as `is_admin()`, returns the same for every row of a
 * statement, yet a policy calls it for each row. STABLE alone caches nothing; the sub-select does.
 *
 * ```sql
 * USING (is_admin())            -- 100,000 rows: 5,878 ms
 * USING ((SELECT is_admin()))   --                   3 ms
 * ```
 */
export const policyFunctionInitplan: Rule = {
  name: 'policy_function_initplan',
  finds: 'other calls that take no column of the row, but that a policy makes for every row',
  cure: 'a sub-select around them, also if they are VOLATILE by omission; what may see changes of the command is left',
  find: (context) => policyFindings(context, 'policy_function_initplan', 'runs for every row'),
}
