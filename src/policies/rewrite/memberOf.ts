import { call as callOf, cast } from '../../syntax/build.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, kindOf, nodesIn, words } from '../../syntax/nodes.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { Scope } from '../read/calls.ts'
import { nameOfCall } from '../read/calls.ts'
import type { KeyQuery } from '../read/membershipBody.ts'
import type { Surroundings } from '../read/privateSchema.ts'
import { privateSchema } from '../read/privateSchema.ts'
import { Unclear } from '../read/queryColumns.ts'
import type { Reach } from '../read/reach.ts'
import { isForeign } from '../read/searchPath.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'
import { isComparedAlike, typeNamed } from '../read/typeNames.ts'
import type { KeyHelper, KeyHelpers } from './keyHelpers.ts'
import type { KeyScope } from './setOfKeys.ts'
import { memberOfKeys, returnedKeys } from './setOfKeys.ts'

/** Everything that the rewrite of one policy needs to know. */
export interface MembershipScope extends Scope, KeyScope {
  reach: Reach
  tables: CatalogTable[]
  surroundings: Surroundings
  helpers: KeyHelpers
  role: string
}

/** What the row is compared by: an expression of the policy, and the type of the parameter that it is passed to. */
export interface Asked {
  side: Node
  parameter: string
}

/** The comparison with a set of keys. */
export interface Member {
  replacement: Node
  needsIndexOn?: string
  helper: KeyHelper
}

/**
 * The comparison of the row with the keys of a query, which a helper lists once per statement.
 *
 * `org_id = ANY ((SELECT private.is_org_member_org_ids())::uuid[])`
 *
 * @param called the function whose rights, path and callers the helper has
 * @param tree the whole predicate
 * @returns makes the helper and the comparison
 * @throws Unclear if the keys may not be listed, or not be compared
 */
export function memberOf(
  called: CatalogFunction,
  keys: KeyQuery,
  { side: asked, parameter }: Asked,
  scope: MembershipScope,
  tree: Node,
): () => Member {
  const { hazards } = scope
  if (called.isSecurityDefiner && !dependsOnCaller(keys.conditions)) {
    throw new Unclear(
      'its answer does not depend on who is calling, and a list of all keys would reveal more than it does',
    )
  }
  refuseBackslash(keys.query)
  const hazard = hazards.of(keys.query, called.isSecurityDefiner ? called.owner : undefined)
  if (hazard) {
    throw new Unclear(
      `all of its keys would be read at once, which could raise an error that nobody gets today: ${hazard.what}`,
    )
  }
  const side = comparable(asked, parameter, keys, scope, hazards.typeOf(asked, scope.table, tree))
  const keyType = typeNamed(keys.keyType)
  if (!keyType || keyType.arrayBounds) throw new Unclear(`there is no array of keys of type ${keys.keyType}`)
  return () => {
    const helper = scope.helpers.for(called, keys)
    const { node, ...form } = memberOfKeys(
      side,
      returnedKeys(callOf([privateSchema, helper.name]), keyType),
      scope,
    )
    return { replacement: node, ...form, helper }
  }
}

/** @throws Unclear if an operator in it could be another one than in the body of a function */
export function refuseOtherOperators(tree: Node, { reach }: Pick<MembershipScope, 'reach'>): void {
  const open = nodesIn(tree).flatMap((node) => {
    const name = words(as(node, 'A_Expr')?.name ?? [])
    return name.length > 1 || reach.functions.openOperators.has(name[0] ?? '') ? [name.join('.')] : []
  })
  if (open[0] !== undefined)
    throw new Unclear(
      `another schema has an operator ${open[0]} for built-in types, and search_path decides which one is meant`,
    )
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

/** Constants, `auth.uid()` and the like, with casts and operators around them: they mean the same in the helper. */
export function namesCallerOrConstant(value: Node): boolean {
  return nodesIn(value).every((node) => {
    const call = as(node, 'FuncCall')
    if (call) {
      const { schema, name } = nameOfCall(call)
      return schema === 'auth' || (schema === 'pg_catalog' && name === 'current_setting')
    }
    return !['ColumnRef', 'SQLValueFunction', 'RangeVar', 'RangeFunction'].includes(kindOf(node))
  })
}

/** @throws Unclear if a string has a backslash */
export function refuseBackslash(tree: Node): void {
  if (nodesIn(tree).some((node) => as(node, 'A_Const')?.sval?.sval?.includes('\\'))) {
    throw new Unclear(
      'a string in its body has a backslash, whose meaning depends on standard_conforming_strings',
    )
  }
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
