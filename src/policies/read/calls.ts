import type { FuncCall, Node, TypeName } from '../../syntax/nodes.ts'
import { as, isNode, kindOf, nodesIn, words } from '../../syntax/nodes.ts'
import { printExpression } from '../../syntax/expression.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { unique } from '../../unique.ts'
import { firstOf } from './firstOf.ts'
import type { Functions } from './functionCatalog.ts'
import type { Hazards } from './hazards.ts'

/** What is known about the names in one policy's expressions. */
export interface Scope {
  functions: Functions
  /** The functions that the policy calls, as the server resolved them. */
  called: CatalogFunction[]
  /** Functions that are declared IMMUTABLE but read something that changes, by oid, with what they read. */
  falselyImmutable: Map<number, string>
  /** Functions that are declared STABLE or IMMUTABLE but call a VOLATILE one, by oid, with the one that they call. */
  hiddenVolatile: Map<number, string>
  hazards: Hazards
  /** Why a function that is declared VOLATILE must be called for every row, as a phrase; undefined if it need not. */
  whyPerRow(called: CatalogFunction): string | undefined
  /** Why it need not, as a sentence. */
  whyOnce(called: CatalogFunction): string
}

/** Name, schema and number of arguments of a call. A name without a schema is one of pg_catalog here. */
export function nameOfCall(call: FuncCall): { schema: string; name: string; count: number } {
  const parts = words(call.funcname)
  return { schema: parts.at(-2) ?? 'pg_catalog', name: parts.at(-1) ?? '', count: (call.args ?? []).length }
}

/**
 * The functions that a call can mean: those of the policy's functions that have this name and take this number of
 * arguments. Mostly it is one; if overloads differ only in types, it is all of them.
 */
export function candidatesFor(call: FuncCall, { called }: Pick<Scope, 'called'>): CatalogFunction[] {
  const { schema, name, count } = nameOfCall(call)
  return called.filter(
    (each) =>
      each.schema === schema &&
      each.name === name &&
      (each.isVariadic ||
        (count <= each.argumentTypes.length && count >= each.argumentTypes.length - each.defaults)),
  )
}

/** `public.is_admin()`, as text for messages; cut off if it is long. */
export function show(node: Node): string {
  try {
    const text = printExpression(node)
    return text.length > 160 ? `${text.slice(0, 159)}…` : text
  } catch {
    const call = as(node, 'FuncCall')
    return call ? `${words(call.funcname).join('.')}(...)` : 'an expression'
  }
}

/**
 * Why the function of a call may not run once per statement instead of once per row; undefined if it may. The arguments
 * are not checked.
 */
export function whyCallMustStay(call: FuncCall, scope: Scope): string | undefined {
  const { schema, name } = nameOfCall(call)
  const shown = `${schema === 'pg_catalog' ? name : `${schema}.${name}`}()`
  if (call.over !== undefined) return `${shown} is a window function`
  if (schema === 'pg_catalog') {
    const builtin = scope.functions.builtin.get(name)
    if (!builtin) return `${shown} is not in the catalog`
    if (!builtin.isOrdinary || call.agg_star) return `${shown} is an aggregate or window function`
    if (builtin.returnsSet) return `${shown} returns a set`
    if (builtin.volatility === 'volatile')
      return `${shown} is VOLATILE, so it may answer differently for each row`
    return undefined
  }
  const candidates = candidatesFor(call, scope)
  if (candidates.length === 0) return `${shown} cannot be found in the catalog`
  for (const each of candidates) {
    if (each.kind !== 'f') return `${shown} is an aggregate or window function`
    if (each.returnsSet) return `${shown} returns a set`
    const perRow = whyVolatilityMatters(each, scope)
    if (perRow !== undefined) return `${shown} is VOLATILE, and ${perRow}`
    const reads = scope.falselyImmutable.get(each.oid)
    if (reads !== undefined) {
      return `${shown} is declared IMMUTABLE, yet reads ${reads}: a cached plan may show one user another's rows`
    }
    const hidden = scope.hiddenVolatile.get(each.oid)
    if (hidden !== undefined) {
      return `${shown} is declared ${each.volatility.toUpperCase()}, yet calls ${hidden}, which is VOLATILE`
    }
  }
  return undefined
}

/** Kinds of nodes whose value depends on nothing but what is below them. */
const transparent = new Set([
  'A_Expr',
  'A_ArrayExpr',
  'A_Const',
  'A_Indices',
  'A_Indirection',
  'BoolExpr',
  'BooleanTest',
  'CaseExpr',
  'CaseWhen',
  'CoalesceExpr',
  'CollateClause',
  'Float',
  'Integer',
  'List',
  'MinMaxExpr',
  'NamedArgExpr',
  'NullTest',
  'RowExpr',
  'SQLValueFunction',
  'String',
  'TypeCast',
])

/**
 * Why an expression may not be evaluated once per statement. Undefined if it may: it has no column of the row, and every
 * function, operator and cast in it is STABLE or IMMUTABLE.
 */
export function whyNotOncePerStatement(expression: Node, scope: Scope): string | undefined {
  if (rowReferences(expression).length > 0) return 'it holds a column of the row'
  return reasonWithin(expression, scope, false)
}

function reasonWithin(value: unknown, scope: Scope, inSubselect: boolean): string | undefined {
  if (Array.isArray(value)) return firstOf(value, (item) => reasonWithin(item, scope, inSubselect))
  if (typeof value !== 'object' || value === null) return undefined
  if (!isNode(value)) {
    return firstOf(Object.values(value), (child) => reasonWithin(child, scope, inSubselect))
  }
  const link = as(value, 'SubLink')
  if (link) {
    // In a sub-select aggregates and sets are fine; only volatility counts there.
    return reasonWithin(link.testexpr, scope, inSubselect) ?? reasonWithin(link.subselect, scope, true)
  }
  const call = as(value, 'FuncCall')
  const own = call
    ? reasonOfCall(call, scope, inSubselect)
    : (reasonOfOperator(value, scope) ?? reasonOfCast(value, scope) ?? reasonOfKind(value, inSubselect))
  return own ?? firstOf(Object.values(value), (child) => reasonWithin(child, scope, inSubselect))
}

function reasonOfCall(call: FuncCall, scope: Scope, inSubselect: boolean): string | undefined {
  if (!inSubselect) return whyCallMustStay(call, scope)
  const { schema, name } = nameOfCall(call)
  if (schema === 'pg_catalog') {
    const isVolatile = (scope.functions.builtin.get(name)?.volatility ?? 'volatile') === 'volatile'
    return isVolatile ? `${name}() is VOLATILE, so it may answer differently for each row` : undefined
  }
  const candidates = candidatesFor(call, scope)
  if (candidates.length === 0) return `${name}() cannot be found in the catalog`
  const perRow = firstOf(candidates, (each) => whyVolatilityMatters(each, scope))
  return perRow === undefined ? undefined : `${name}() is VOLATILE, and ${perRow}`
}

/** Why the function must be called for every row, if it is declared VOLATILE; undefined if it need not. */
export function whyVolatilityMatters(
  called: CatalogFunction,
  { whyPerRow }: Pick<Scope, 'whyPerRow'>,
): string | undefined {
  return called.volatility === 'volatile' ? whyPerRow(called) : undefined
}

/** For every VOLATILE function that the expression calls, why calling it once is the same. */
export function notesOnVolatile(expression: unknown, scope: Scope): string[] {
  const called = nodesIn(expression).flatMap((node) => {
    const call = as(node, 'FuncCall')
    return call && nameOfCall(call).schema !== 'pg_catalog' ? candidatesFor(call, scope) : []
  })
  return unique(called.filter(({ volatility }) => volatility === 'volatile').map(scope.whyOnce))
}

function reasonOfOperator(node: Node, { functions }: Scope): string | undefined {
  const expression = as(node, 'A_Expr')
  if (!expression) return undefined
  const parts = words(expression.name)
  const name = parts.at(-1) ?? ''
  const schema = parts.at(-2) ?? 'pg_catalog'
  const volatility = functions.operators.get(`${schema}.${name}`)
  if (volatility === 'volatile') return `the operator ${schema}.${name} is VOLATILE`
  return undefined
}

function reasonOfCast(node: Node, { functions }: Scope): string | undefined {
  const cast = as(node, 'TypeCast')
  if (!cast) return undefined
  const type = typeText(cast.typeName)
  return functions.typesWithCode.has(type) ? `the cast to ${type} runs checks of its own` : undefined
}

/** `public.email`: the type as `format_type` prints it without modifiers, as far as the tree shows it. */
function typeText({ names = [] }: TypeName): string {
  return words(names).join('.')
}

function reasonOfKind(node: Node, inSubselect: boolean): string | undefined {
  const kind = kindOf(node)
  if (inSubselect || transparent.has(kind)) return undefined
  return `it holds a construct that is not known to be safe (${kind})`
}
