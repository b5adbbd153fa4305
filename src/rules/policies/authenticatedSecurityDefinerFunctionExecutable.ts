import type { Rule } from '../rule.ts'
import { findExecutableDefiners } from './definerFunctionExecutable.ts'

/**
 * SECURITY DEFINER functions that everybody who has signed in can call. Often intended; then the function has to check who is calling.
 *
 * ```sql
 * CREATE FUNCTION close_month(month date) ... SECURITY DEFINER ...;
 * REVOKE EXECUTE ON FUNCTION close_month(date) FROM PUBLIC, authenticated;
 * ```
 *
 * Functions that a policy for authenticated calls are left out: it has to be able to call them. So are trigger functions,
 * which nobody can call.
 */
export const authenticatedSecurityDefinerFunctionExecutable: Rule = {
  name: 'authenticated_security_definer_function_executable',
  finds: 'SECURITY DEFINER functions that authenticated can call',
  cure: 'steps: who may call it',
  find: (context) => findExecutableDefiners(context, 'authenticated', 'info'),
}
