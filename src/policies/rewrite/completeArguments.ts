import type { CatalogFunction } from '../../catalog/functions.ts'
import type { FuncCall, Node } from '../../syntax/nodes.ts'
import type { FunctionBody } from '../read/functionBody.ts'
import { Unclear } from '../read/queryColumns.ts'

/**
 * The arguments of a call in the order of the parameters, with the defaults of those that it leaves out.
 *
 * `has_role(wanted => 'owner', org => org_id)` -> `org_id, 'owner'`
 *
 * @throws Unclear if an argument names no parameter, or a default is not known
 */
export function completeArguments(call: FuncCall, called: CatalogFunction, body: FunctionBody): Node[] {
  const { argumentTypes, argumentNames } = called
  // Names of OUT parameters lie between those of the others.
  const names = argumentNames.length === argumentTypes.length ? argumentNames : []
  const given = new Map<number, Node>()
  for (const [place, argument] of (call.args ?? []).entries()) {
    const named = argument['NamedArgExpr'] as { name?: string; arg?: Node } | undefined
    const position = named ? names.indexOf(named.name ?? '') : place
    const value = named ? named.arg : argument
    if (position < 0 || position >= argumentTypes.length || !value || given.has(position))
      throw new Unclear('its arguments cannot be told apart')
    given.set(position, value)
  }
  const defaults = body.defaults ?? []
  return argumentTypes.map((_, position) => {
    const value = given.get(position) ?? defaults[position - (argumentTypes.length - defaults.length)]
    if (!value) throw new Unclear(`its argument ${position + 1} is left out, and its default is not known`)
    return value
  })
}
