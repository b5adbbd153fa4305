import { functionBodyIs, functionVolatilityIs } from '../conditions/functions.ts'
import type { FunctionName } from '../catalog/functions.ts'
import { display, qualified } from '../postgres/identifiers.ts'
import type { ConditionCall, Operation } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Declares a function STABLE that is VOLATILE because nobody said otherwise.
 *
 * ```sql
 * ALTER FUNCTION "public"."is_admin"() STABLE
 * -- down
 * ALTER FUNCTION "public"."is_admin"() VOLATILE
 * ```
 *
 * @param judged the condition that it only reads what no command changes that its policies judge
 */
export function setFunctionVolatility(name: FunctionName, bodyMd5: string, judged: ConditionCall): Operation {
  const shown = `${qualified(name)}(${name.args})`
  return {
    ...work('setFunctionVolatility', name, bodyMd5),
    on: [name.schema],
    title: operationTitle('declare', name.name, 'stable'),
    rule: 'function_volatility',
    why:
      `${display(name)}(${name.args}) is VOLATILE, which is what CREATE FUNCTION takes for granted, but it only reads. ` +
      'STABLE lets PostgreSQL use it in index conditions and with a snapshot of the calling statement. Every caller gets ' +
      'that, also in triggers, functions and the application: none may rely on seeing what the same statement has changed.',
    up: [`ALTER FUNCTION ${shown} STABLE`],
    down: [`ALTER FUNCTION ${shown} VOLATILE`],
    before: [
      condition(functionVolatilityIs, name, 'volatile'),
      condition(functionBodyIs, name, bodyMd5),
      judged,
    ],
    after: [condition(functionVolatilityIs, name, 'stable')],
  }
}
