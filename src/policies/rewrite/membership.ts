import { call as callOf, cast } from '../../syntax/build.ts'
import { wrappedIn } from '../../syntax/expression.ts'
import type { FuncCall, Node, TypeName } from '../../syntax/nodes.ts'
import { as, kindOf, nodesIn } from '../../syntax/nodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import type { Scope } from '../read/calls.ts'
import { candidatesFor, nameOfCall, notesOnVolatile, show, whyVolatilityMatters } from '../read/calls.ts'
import { completeArguments } from './completeArguments.ts'
import type { Change, Refusal, Rewritten } from './change.ts'
import { stepsIfVolatile } from './change.ts'
import { readsChanging } from '../read/declarations.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { KeyHelper, KeyHelpers } from './keyHelpers.ts'
import type { KeyQuery } from '../read/membershipBody.ts'
import { keysOf } from '../read/membershipBody.ts'
import type { Surroundings } from '../read/privateSchema.ts'
import { privateSchema } from '../read/privateSchema.ts'
import { replaceInContext } from '../read/positiveContext.ts'
import { Unclear } from '../read/queryColumns.ts'
import type { Reach } from '../read/reach.ts'
import { otherSettingOf } from '../read/searchPath.ts'
import type { KeyScope } from './setOfKeys.ts'
import { isForeign } from '../read/searchPath.ts'
import { memberOfKeys, returnedKeys } from './setOfKeys.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'
import { isComparedAlike, typeNamed } from '../read/typeNames.ts'

/** Everything that the rewrite of one policy needs to know. */
export interface MembershipScope extends Scope, KeyScope {
  reach: Reach
  tables: CatalogTable[]
  surroundings: Surroundings
  helpers: KeyHelpers
  role: string
}

const rule = 'policy_membership_function'

/**
 * Reads the keys for which a membership function returns true once per statement, in place of the memberships for every
 * row.
 *
 * ```sql
 * public.is_org_member(org_id)                                        -- before
 * org_id = ANY ((SELECT private.is_org_member_org_ids())::uuid[])     -- after, where an index leads on org_id
 * org_id IN (SELECT unnest((SELECT private.is_org_member_org_ids()))) -- after, elsewhere
 * ```
 *
 * For a NULL argument the function returns false, and the comparison returns NULL. Both keep the row out, except under
 * NOT and in expressions that distinguish the two.
 */
export function turnMembership(tree: Node, scope: MembershipScope): Rewritten & { helpers: KeyHelper[] } {
  const changes: Change[] = []
  const refusals: Refusal[] = []
  const helpers: KeyHelper[] = []

  const result = replaceInContext(tree, (node, isPositive) => {
    const membership = membershipCall(node, scope)
    if (!membership) return undefined
    try {
      refuseOtherAnswers(membership.called)
      if (!isPositive) throw new Unclear('it is under NOT or in a place where NULL and false differ')
      const { replacement, helper, ...form } = turn(membership.call, membership.called, scope, tree)
      const notes = notesOnVolatile(node, scope)
      const noted = notes.length > 0 ? { notes } : {}
      changes.push({ rule, was: show(node), becomes: show(replacement), ...form, ...noted })
      helpers.push(helper)
      return replacement
    } catch (error) {
      if (!(error instanceof Unclear)) throw error
      refusals.push({ rule, was: show(node), reason: error.message, ...stepsIfVolatile([membership.called]) })
      return node
    }
  })
  return { tree: result, changes, refusals, helpers }
}

/**
 * `f(org_id, ...)`, or `(SELECT f(t.org_id))`, which is wrapped in vain. `f` depends on the row, and either returns a
 * boolean or reads a table.
 */
function membershipCall(
  node: Node,
  scope: MembershipScope,
): { call: FuncCall; called: CatalogFunction } | undefined {
  const call = as(node, 'FuncCall') ?? as(wrappedIn(node), 'FuncCall')
  if (!call || nameOfCall(call).schema === 'pg_catalog') return undefined
  const [called] = candidatesFor(call, scope)
  if (called?.kind !== 'f' || called.returnsSet) return undefined
  if (!['sql', 'plpgsql'].includes(called.language)) return undefined
  if (called.returnType !== 'boolean' && readsChanging(called, scope.reach) === undefined) return undefined
  return rowReferences(call.args ?? []).length > 0 ? { call, called } : undefined
}

function turn(
  call: FuncCall,
  called: CatalogFunction,
  scope: MembershipScope,
  tree: Node,
): { replacement: Node; needsIndexOn?: string; helper: KeyHelper } {
  refuseUnfit(call, called, scope)
  const { reach, hazards } = scope
  const body = reach.bodies.get(called.oid)
  if (!body) throw new Unclear(reach.unreadable.get(called.oid) ?? 'its body cannot be read')
  const args = completeArguments(call, called, body)
  const ofRow = args.flatMap((argument, position) => (rowReferences(argument).length > 0 ? [position] : []))
  const [key = 0] = ofRow
  if (ofRow.length > 1) throw new Unclear('more than one of its arguments holds a column of the row')
  const values = new Map<number, { value: Node; type: TypeName | undefined }>()
  for (const [position, value] of args.entries()) {
    if (position === key) continue
    if (!namesCallerOrConstant(value) || !hazards.readsOnlySettings(value)) {
      throw new Unclear(`its argument ${show(value)} is neither a constant nor the caller's identity`)
    }
    values.set(position, { value, type: typeNamed(called.argumentTypes[position]) })
  }
  const keys = keysOf(called, body, key, values, scope.tables)
  if (called.isSecurityDefiner && !dependsOnCaller(keys.conditions)) {
    throw new Unclear(
      'its answer does not depend on who is calling, and a list of all keys would reveal more than it does',
    )
  }
  if (holdsBackslash(keys.query)) {
    throw new Unclear(
      'a string in its body has a backslash, whose meaning depends on standard_conforming_strings',
    )
  }
  const hazard = hazards.of(keys.query, called.isSecurityDefiner ? called.owner : undefined)
  if (hazard) {
    throw new Unclear(
      `all of its keys would be read at once, which could raise an error that nobody gets today: ${hazard.what}`,
    )
  }
  const asked = args[key] as Node
  const side = comparable(
    asked,
    called.argumentTypes[key] ?? '',
    keys,
    scope,
    hazards.typeOf(asked, scope.table, tree),
  )
  const keyType = typeNamed(keys.keyType)
  if (!keyType || keyType.arrayBounds) throw new Unclear(`there is no array of keys of type ${keys.keyType}`)
  const helper = scope.helpers.for(called, keys)
  const { node, ...form } = memberOfKeys(
    side,
    returnedKeys(callOf([privateSchema, helper.name]), keyType),
    scope,
  )
  return { replacement: node, ...form, helper }
}

/**
 * The row's side, cast to the type that the function compares, so that = is the same operator as in its body.
 *
 * @throws Unclear if = could be another operator
 */
function comparable(
  side: Node,
  parameter: string,
  keys: KeyQuery,
  { reach }: MembershipScope,
  type: string | undefined,
): Node {
  for (const each of [parameter, keys.keyType]) {
    if (isForeign(each, reach))
      throw new Unclear(`it compares values of type ${each}, whose operators depend on search_path`)
  }
  if (reach.functions.openOperators.has('=')) {
    throw new Unclear(
      'another schema has an operator = for built-in types, and search_path decides which one is meant',
    )
  }
  if (keys.isNondeterministic)
    throw new Unclear('the collation of its keys is nondeterministic: different texts may be equal')
  if (type !== undefined && isComparedAlike(type, parameter)) return side
  const typeName = typeNamed(parameter)
  if (!typeName) throw new Unclear(`its argument has the type ${parameter}, which no cast can name`)
  return cast(side, typeName)
}

function refuseOtherAnswers({ schema, name, args, returnType }: CatalogFunction): void {
  if (returnType === 'boolean') return
  throw new Unclear(
    `${schema}.${name}(${args}) returns ${returnType}: only a boolean can say who is a member`,
  )
}

function refuseUnfit(call: FuncCall, called: CatalogFunction, scope: MembershipScope): void {
  const { schema, name, args, volatility } = called
  const shown = `${schema}.${name}(${args})`
  if (candidatesFor(call, scope).length > 1)
    throw new Unclear(`${shown} has overloads with the same number of arguments`)
  const perRow = whyVolatilityMatters(called, scope)
  if (perRow !== undefined) throw new Unclear(`${shown} is VOLATILE, and ${perRow}`)
  if (volatility === 'immutable') {
    const reads = readsChanging(called, scope.reach)
    if (reads !== undefined) {
      throw new Unclear(
        `${shown} is declared IMMUTABLE, yet reads ${reads}: a cached plan may show one user another's rows`,
      )
    }
  }
  const hidden = scope.hiddenVolatile.get(called.oid)
  if (hidden !== undefined)
    throw new Unclear(`${shown} is declared STABLE, yet calls ${hidden}, which is VOLATILE`)
  if (called.isVariadic) throw new Unclear('it is variadic')
  if (called.isStrict && called.argumentTypes.length > 1) {
    throw new Unclear(`${shown} is STRICT, so it returns NULL if any of its arguments is NULL`)
  }
  const setting = otherSettingOf(called)
  if (setting !== undefined) throw new Unclear(`${shown} sets ${setting} while it runs`)
  if (called.isSecurityDefiner && called.owner !== scope.role) {
    throw new Unclear(
      `${shown} runs with the rights of ${called.owner}, and a helper made here would run with those of ${scope.role}`,
    )
  }
  if (!scope.surroundings.mayCreate) {
    throw new Unclear(`${scope.role} may not create a helper in schema ${privateSchema}`)
  }
}

/** Constants, `auth.uid()` and the like, with casts and operators around them: they mean the same in the helper. */
function namesCallerOrConstant(value: Node): boolean {
  return nodesIn(value).every((node) => {
    const call = as(node, 'FuncCall')
    if (call) {
      const { schema, name } = nameOfCall(call)
      return schema === 'auth' || (schema === 'pg_catalog' && name === 'current_setting')
    }
    return !['ColumnRef', 'SQLValueFunction', 'RangeVar', 'RangeFunction'].includes(kindOf(node))
  })
}

function holdsBackslash(query: Node): boolean {
  return nodesIn(query).some((node) => as(node, 'A_Const')?.sval?.sval?.includes('\\'))
}

/** Whether one of the conditions asks who is calling, directly or through a function. */
function dependsOnCaller(conditions: Node[]): boolean {
  return nodesIn(conditions).some((node) => {
    const call = as(node, 'FuncCall')
    if (!call) return false
    const { schema, name } = nameOfCall(call)
    return schema !== 'pg_catalog' || name === 'current_setting'
  })
}
