import type { CatalogFunction } from '../../catalog/functions.ts'
import { isBare } from '../../syntax/expression.ts'
import type { FuncCall, Node } from '../../syntax/nodes.ts'
import { as } from '../../syntax/nodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import { show } from '../read/calls.ts'
import { readsChanging } from '../read/declarations.ts'
import type { FunctionBody } from '../read/functionBody.ts'
import { neededParameters } from '../read/neededParameters.ts'
import type { FixedValue } from '../read/parameters.ts'
import { rowParameters, withParameters } from '../read/parameters.ts'
import { Unclear } from '../read/queryColumns.ts'
import { otherSettingOf } from '../read/searchPath.ts'
import { isComparedAlike, typeNamed } from '../read/typeNames.ts'
import { completeArguments } from './completeArguments.ts'
import type { Asked, MembershipScope } from './memberOf.ts'
import { namesCallerOrConstant } from './memberOf.ts'

/** A function that is read in place of its call. */
export interface EnteredFunction {
  called: CatalogFunction
  /** The same with the rights, path and callers that count where it is called. */
  rights: CatalogFunction
  /** What it returns, as an expression whose parameters are those of the row; others have their values. */
  body: Node
  /** What the row passes to its parameters, by position. */
  ofRow: ReadonlyMap<number, Asked>
  /** What is the same for every row. */
  fixed: ReadonlyMap<number, FixedValue>
  /** Parameters without which it is not true in any case, so that STRICT says nothing of them. */
  needed: ReadonlySet<number>
  /** The functions around it. */
  depth: number
}

const deepest = 4

/**
 * Reads a function in place of its call, in a policy or in the body of another function.
 *
 * @param outer the function in whose body the call stands
 * @throws Unclear if its body is more than an expression, or means something else there
 */
export function enterFunction(
  call: FuncCall,
  called: CatalogFunction,
  scope: MembershipScope,
  outer?: EnteredFunction,
): EnteredFunction {
  const rights = outer ? rightsWithin(called, outer, scope) : called
  const depth = (outer?.depth ?? 0) + 1
  if (depth > deepest) throw new Unclear('functions call each other more than four levels deep')
  const { reach, tables } = scope
  const known = reach.bodies.get(called.oid)
  if (!known) throw new Unclear(reach.unreadable.get(called.oid) ?? 'its body cannot be read')
  const result = resultOf(called, known)
  const ofRow = new Map<number, Asked>()
  const fixed = new Map<number, FixedValue>()
  for (const [position, argument] of completeArguments(call, called, known).entries()) {
    const parameter = called.argumentTypes[position] ?? ''
    const asked = outer ? askedOf(argument, parameter, outer) : askedByRow(argument, parameter)
    if (asked) ofRow.set(position, asked)
    else if (!namesCallerOrConstant(argument) || !scope.hazards.readsOnlySettings(argument))
      throw new Unclear(`its argument ${show(argument)} is neither a constant nor the caller's identity`)
    else fixed.set(position, { value: argument, type: typeNamed(parameter) })
  }
  const needed = called.isStrict
    ? neededParameters(withParameters(result, called, new Map(), tables))
    : new Set<number>()
  return { called, rights, body: withParameters(result, called, fixed, tables), ofRow, fixed, needed, depth }
}

function askedByRow(argument: Node, parameter: string): Asked | undefined {
  return rowReferences(argument).length > 0 ? { side: argument, parameter } : undefined
}

/** In a body, the row is what the parameters hold. */
function askedOf(argument: Node, parameter: string, outer: EnteredFunction): Asked | undefined {
  if (rowParameters(argument).length === 0) return undefined
  const number = as(argument, 'ParamRef')?.number
  const given = number === undefined ? undefined : outer.ofRow.get(number - 1)
  if (!given || !isComparedAlike(given.parameter, parameter))
    throw new Unclear(`its body passes ${show(argument)} on to another function`)
  return given
}

function resultOf(called: CatalogFunction, body: FunctionBody): Node {
  if (body.raises !== undefined) throw new Unclear(`its body ${body.raises}`)
  if (body.acts !== undefined) throw new Unclear(`its body ${body.acts}`)
  const result = body.decides ?? body.result
  if (!result) throw new Unclear('its body is more than one expression that it returns')
  // An SQL function returns the first row of its query; as a sub-select, a second row would be an error.
  const statement = as(body.parts[0], 'SelectStmt')
  const select = as(as(result, 'SubLink')?.subselect, 'SelectStmt')
  if (called.language !== 'sql' || !statement?.fromClause || !select || isBare(select) || select.limitCount)
    return result
  const first = {
    ...select,
    limitCount: { A_Const: { ival: { ival: 1 } } },
    limitOption: 'LIMIT_OPTION_COUNT',
  }
  return { SubLink: { subLinkType: 'EXPR_SUBLINK', subselect: { SelectStmt: first } } }
}

const within = new WeakMap<CatalogFunction, Map<CatalogFunction, CatalogFunction>>()

/** The function as it runs within another one: once for each pair, since helpers are told apart by it. */
function rightsWithin(
  called: CatalogFunction,
  { rights: outer, called: around }: EnteredFunction,
  scope: MembershipScope,
): CatalogFunction {
  const shown = `${called.schema}.${called.name}(${called.args})`
  if (called.kind !== 'f' || called.returnsSet || called.isVariadic)
    throw new Unclear(`${shown} returns a set or takes any number of arguments`)
  const setting = otherSettingOf(called)
  if (setting !== undefined) throw new Unclear(`${shown} sets ${setting} while it runs`)
  if (called.volatility === 'volatile' && around.volatility !== 'volatile')
    throw new Unclear(`${shown} is VOLATILE, and is called by a function that is not`)
  const reads = called.volatility === 'immutable' ? readsChanging(called, scope.reach) : undefined
  if (reads !== undefined) throw new Unclear(`${shown} is declared IMMUTABLE, yet reads ${reads}`)
  if (called.isSecurityDefiner && called.owner !== scope.role)
    throw new Unclear(`${shown} runs with the rights of ${called.owner}`)
  if (!mayAllCall(called, outer))
    throw new Unclear(`not everybody who may call the function around it may call ${shown}`)
  const known = within.get(outer) ?? new Map<CatalogFunction, CatalogFunction>()
  within.set(outer, known)
  const path = called.settings['search_path'] ?? outer.settings['search_path']
  const made = known.get(called) ?? {
    ...called,
    isSecurityDefiner: called.isSecurityDefiner || outer.isSecurityDefiner,
    owner: called.isSecurityDefiner ? called.owner : outer.owner,
    grantees: outer.grantees,
    settings: path === undefined ? {} : { search_path: path },
  }
  known.set(called, made)
  return made
}

function mayAllCall(called: CatalogFunction, outer: CatalogFunction): boolean {
  if (called.grantees === null || called.grantees.includes('')) return true
  if (outer.isSecurityDefiner) return called.owner === outer.owner || called.grantees.includes(outer.owner)
  return outer.grantees !== null && outer.grantees.every((role) => called.grantees?.includes(role))
}
