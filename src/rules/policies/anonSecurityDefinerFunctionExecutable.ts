import type { Rule } from '../rule.ts'
import { findExecutableDefiners } from './definerFunctionExecutable.ts'

/**
 * SECURITY DEFINER functions that anybody can call, without signing in. PostgreSQL lets everybody call a new function.
 *
 * ```sql
 * CREATE FUNCTION delete_account(id uuid) ... SECURITY DEFINER ...;
 * REVOKE EXECUTE ON FUNCTION delete_account(uuid) FROM PUBLIC, anon;
 * ```
 *
 * Functions that a policy for anon calls are left out: it has to be able to call them. So are trigger functions, which
 * nobody can call. Functions whose body asks who is calling are only mentioned.
 */
export const anonSecurityDefinerFunctionExecutable: Rule = {
  name: 'anon_security_definer_function_executable',
  finds: 'SECURITY DEFINER functions that anon can call',
  cure: 'steps: who may call it',
  find: (context) => findExecutableDefiners(context, 'anon', 'warn'),
}
