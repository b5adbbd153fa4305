import type { FuncCall, Node } from '../../syntax/nodes.ts'
import { as, kindOf, nodesIn, words } from '../../syntax/nodes.ts'
import { wrappedIn } from '../../syntax/expression.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { Reach } from './reach.ts'
import { otherSettingOf, whyPathMatters } from './searchPath.ts'
import type { KnownNames } from './searchPath.ts'

/**
 * Whether it is a function like Supabase's `auth.uid()`: in SQL, STABLE and without parameters, whose one expression
 * reads nothing but settings of the request. PostgreSQL parses and inlines its body wherever a statement that it plans
 * mentions it.
 *
 * Neither the caller's role nor `search_path` nor the moment of planning makes a difference to what it returns.
 */
export function isClaimFunction(called: CatalogFunction, known: KnownNames): boolean {
  const { kind, language, volatility, returnsSet, argumentNames, argumentTypes } = called
  if (kind !== 'f' || language !== 'sql' || volatility !== 'stable' || returnsSet) return false
  // PostgreSQL inlines no function with rights or settings of its own.
  if (called.isSecurityDefiner || Object.keys(called.settings).length > 0) return false
  if (argumentTypes.length > 0 || argumentNames.length > 0 || !isPlainType(called.returnType)) return false
  const result = known.reach.bodies.get(called.oid)?.result
  if (!result || whyPathMatters(called, known) !== undefined) return false
  const nodes = nodesIn(result)
  const { reach } = known
  return (
    nodes.some((node) => readsSetting(node, reach)) &&
    nodes.every((node) => dependsOnSettingsOnly(node, reach))
  )
}

/**
 * The claim function that a PL/pgSQL function returns, if it does nothing else: `BEGIN RETURN auth.uid(); END`. Every
 * caller gets the same from both, or the same error: PL/pgSQL only keeps the plan for the whole session. Undefined if
 * anything is not certain.
 */
export function claimFunctionBehind(twin: CatalogFunction, known: KnownNames): CatalogFunction | undefined {
  const { kind, language, volatility, returnsSet, argumentNames, argumentTypes } = twin
  if (kind !== 'f' || language !== 'plpgsql' || volatility !== 'stable' || returnsSet) return undefined
  if (argumentTypes.length > 0 || argumentNames.length > 0) return undefined
  if (otherSettingOf(twin) !== undefined || whyPathMatters(twin, known) !== undefined) return undefined
  const result = known.reach.bodies.get(twin.oid)?.result
  const call = as(result, 'FuncCall') ?? (result && as(wrappedIn(result), 'FuncCall'))
  const called = call && functionWithoutArguments(call, known.reach)
  return called && isClaimFunction(called, known) && servesAsTwin(twin, called) ? called : undefined
}

/**
 * Whether everybody who may call the one may call the other. A function with the caller's rights looks up the name in
 * its body as the caller, who may lack USAGE on the schema; a policy never looks it up.
 */
export function servesAsTwin(twin: CatalogFunction, called: CatalogFunction): boolean {
  if (twin.returnType !== called.returnType) return false
  if (!twin.isSecurityDefiner || !twin.isOurs || !called.mayExecute) return false
  const allowed = twin.grantees ?? ['']
  return allowed.includes('') || (called.grantees ?? ['']).every((role) => allowed.includes(role))
}

/**
 * Looks up the claim function that a node calls; undefined for every other node. Remembers what it has found out about
 * a function.
 */
export function claimFunctionsOf(known: KnownNames): (node: Node) => CatalogFunction | undefined {
  const answers = new Map<CatalogFunction, boolean>()
  return (node) => {
    const call = as(node, 'FuncCall')
    const called = call && functionWithoutArguments(call, known.reach)
    if (!called) return undefined
    const isClaim = answers.get(called) ?? isClaimFunction(called, known)
    answers.set(called, isClaim)
    return isClaim ? called : undefined
  }
}

/** The only function that a call of the form `schema.f()` can mean; undefined if there are several. */
export function functionWithoutArguments(call: FuncCall, { byName }: Reach): CatalogFunction | undefined {
  const [schema, name, ...more] = words(call.funcname)
  if (name === undefined || more.length > 0 || call.args || call.over || call.agg_star) return undefined
  const [only, ...others] = (byName.get(name) ?? []).filter(
    (each) => each.schema === schema && (each.isVariadic || each.argumentTypes.length === each.defaults),
  )
  return others.length === 0 ? only : undefined
}

const plainTypes = new Set([
  ...['uuid', 'text', 'varchar', 'character varying', 'json', 'jsonb'],
  ...['bool', 'boolean', 'int2', 'smallint', 'int4', 'integer', 'int8', 'bigint', 'numeric'],
])

/** A type whose values are read from a text in one way only, whatever the settings of the session. */
function isPlainType(type: string): boolean {
  return plainTypes.has(type.replace(/\[\]$/, '').replace(/^pg_catalog\./, ''))
}

const plainKinds = new Set([
  ...['A_ArrayExpr', 'A_Const', 'A_Expr', 'A_Indices', 'A_Indirection', 'BoolExpr', 'BooleanTest'],
  ...['CaseExpr', 'CaseWhen', 'CoalesceExpr', 'FuncCall', 'MinMaxExpr', 'NullTest'],
  ...['Boolean', 'Float', 'Integer', 'List', 'String', 'TypeCast', 'TypeName'],
])

function dependsOnSettingsOnly(node: Node, reach: Reach): boolean {
  if (!plainKinds.has(kindOf(node))) return false
  const cast = as(node, 'TypeCast')
  if (cast) return isPlainType(words(cast.typeName.names ?? []).join('.'))
  const operator = as(node, 'A_Expr')
  if (operator) return words(operator.name).length === 1 || words(operator.name)[0] === 'pg_catalog'
  const call = as(node, 'FuncCall')
  return !call || readsSetting(node, reach) || isImmutable(call, reach)
}

/** `current_setting('request.jwt.claims', true)`: a setting of the application's own, which is the same for every role. */
function readsSetting(node: Node, reach: Reach): boolean {
  const call = as(node, 'FuncCall')
  if (!call || builtinName(call, reach) !== 'current_setting') return false
  const [setting] = call.args ?? []
  // A body in the style of the standard is printed with a cast to text.
  const name = as(setting, 'A_Const') ?? as(as(setting, 'TypeCast')?.arg, 'A_Const')
  return name?.sval?.sval?.includes('.') ?? false
}

function isImmutable(call: FuncCall, reach: Reach): boolean {
  const builtin = reach.functions.builtin.get(builtinName(call, reach) ?? '')
  if (!builtin || call.over || call.agg_star) return false
  return builtin.volatility === 'immutable' && builtin.isOrdinary && !builtin.returnsSet
}

/** The name of one of the server's own functions; undefined if another schema has one of that name. */
function builtinName({ funcname }: FuncCall, { byName }: Reach): string | undefined {
  const [name = '', schema = 'pg_catalog', ...more] = words(funcname).toReversed()
  const isBuiltin = schema === 'pg_catalog' && more.length === 0 && (byName.get(name) ?? []).length === 0
  return isBuiltin ? name : undefined
}
