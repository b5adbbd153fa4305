import { functionBodyIs, functionSearchPathIs } from '../conditions/functions.ts'
import { display, qualified } from '../postgres/identifiers.ts'
import type { FunctionName } from '../catalog/functions.ts'
import type { Operation } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Lets a function look for names nowhere but where they say. Only for a body of which every name is qualified.
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
      `${display(name)}(${name.args}) runs with the rights of its owner and looks for names where its caller says: ` +
      'whoever may create objects in a schema can put one of his own in the place of another. Every name in the ' +
      'body is qualified, so that it means the same with an empty search_path.',
    up: [`ALTER FUNCTION ${shown} SET search_path = ''`],
    down: [`ALTER FUNCTION ${shown} RESET search_path`],
    before: [condition(functionBodyIs, name, bodyMd5), condition(functionSearchPathIs, name, null)],
    after: [condition(functionSearchPathIs, name, '""')],
  }
}
