import { call } from '../../syntax/build.ts'
import { printExpression } from '../../syntax/expression.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { servesAsTwin } from '../read/claimFunctions.ts'
import { privateSchema } from '../read/privateSchema.ts'
import { otherSettingOf, searchPathOf } from '../read/searchPath.ts'
import type { HelperFunction, HelperFunctions } from './helperFunctions.ts'

/**
 * Functions that return what a function such as `auth.uid()` returns, for the same callers. PostgreSQL plans the body of
 * a PL/pgSQL function once per session, and that of a SQL function at every mention in every statement.
 *
 * ```sql
 * CREATE FUNCTION private.current_user_id() RETURNS uuid
 * LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
 * BEGIN
 *   RETURN auth.uid();
 * END
 * $$
 * ```
 *
 * SECURITY DEFINER, since with the caller's rights the name `auth.uid` would be looked up as the caller, who need not
 * have USAGE on the schema.
 */
export class ClaimHelpers {
  readonly #functions: HelperFunctions
  readonly #helpers = new Map<CatalogFunction, HelperFunction>()

  constructor(functions: HelperFunctions) {
    this.#functions = functions
  }

  /** The helper for this function. */
  for(called: CatalogFunction): HelperFunction {
    const known = this.#helpers.get(called)
    if (known) return known
    const { schema, name, grantees } = called
    const shown = `${schema}.${name}()`
    const body = `\nBEGIN\n  RETURN ${printExpression(call([schema, name]))};\nEND\n`
    const helper = this.#functions.add<HelperFunction>(
      schema === 'auth' && name === 'uid' ? 'current_user_id' : `${schema}_${name}`,
      {
        of: called,
        returns: called.returnType,
        body,
        isSecurityDefiner: true,
        isParallelSafe: called.isParallelSafe,
        searchPath: [''],
        callers: grantees === null || grantees.includes('') ? [''] : grantees,
        reason: {
          kind: 'createClaimHelper',
          rule: 'auth_function_planning',
          why: (own) =>
            `PostgreSQL parses and inlines the body of ${shown} at every mention in every statement that it plans. ` +
            `${privateSchema}.${own}() returns the same for the same callers, and its body is planned once per session.`,
          before: [],
        },
      },
      (present) => returnsSame(present, called, body),
    )
    this.#helpers.set(called, helper)
    return helper
  }
}

function returnsSame(present: CatalogFunction, called: CatalogFunction, body: string): boolean {
  const words = (text: string): string => text.trim().split(/\s+/).join(' ')
  return (
    present.language === 'plpgsql' &&
    words(present.source) === words(body) &&
    !present.returnsSet &&
    present.volatility === 'stable' &&
    present.isParallelSafe === called.isParallelSafe &&
    searchPathOf(present)?.join() === '' &&
    otherSettingOf(present) === undefined &&
    servesAsTwin(present, called)
  )
}
