import { functionBodyIs, functionSearchPathIs } from '../conditions/functions.ts'
import { display, qualified } from '../postgres/identifiers.ts'
import type { FunctionName } from '../catalog/functions.ts'
import type { Operation } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Sets an empty search_path for a function. Only for a body in which every name is qualified.
 *
 * ```sql
 * ALTER FUNCTION "public"."is_admin"() SET search_path = ''
 * -- down
 * ALTER FUNCTION "public"."is_admin"() RESET search_path
 * ```
 */
export function setFunctionSearchPath(name: FunctionName, bodyMd5: string): Operation {
  const shown = `${qualified(name)}(${name.args})`
  return {
    ...work('setFunctionSearchPath', name, bodyMd5),
    on: [name.schema],
    title: operationTitle('set', name.name, 'search-path'),
    rule: 'function_search_path_mutable',
    why:
      `${display(name)}(${name.args}) runs with the rights of its owner and looks up names in its caller's search_path: ` +
      'a role that may create objects in a schema can replace an object by its own. Every name in the ' +
      'body is qualified, so it means the same with an empty search_path.',
    up: [`ALTER FUNCTION ${shown} SET search_path = ''`],
    down: [`ALTER FUNCTION ${shown} RESET search_path`],
    before: [condition(functionBodyIs, name, bodyMd5), condition(functionSearchPathIs, name, null)],
    after: [condition(functionSearchPathIs, name, '""')],
  }
}
