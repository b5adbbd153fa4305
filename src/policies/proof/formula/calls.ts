import type { FuncCall, Node } from '../../../syntax/nodes.ts'
import { as, words } from '../../../syntax/nodes.ts'
import { isBare, wrappedIn } from '../../../syntax/expression.ts'
import { castTo, nullOf, textOf, uninterpreted } from './compare.ts'
import type { FormulaFunction } from './facts.ts'
import type { Scope } from './scope.ts'
import type { Scalar, Term } from './terms.ts'
import { and, boolean, not, or, scalar } from './terms.ts'
import type { Elements, Make, Translator } from './translator.ts'
import { hasModifier, sortOf, typeNamedIn, typeOf } from './types.ts'
import { ifModelled, Unmodelled } from './unmodelled.ts'

/** How deep calls within bodies are followed. */
const deepest = 4

/** The value of a call: what the function's body says, or else of a function of which nothing is known. */
export function callValue(call: FuncCall, scope: Scope, to: Translator): Scalar {
  const { facts } = to
  if (!facts.isSteady(call) || call.func_variadic) throw new Unmodelled(`the call of ${nameIn(call)}`)
  const called = facts.functionOf(call)
  if (called) {
    if (called.returnsSet) throw new Unmodelled(`${called.name}, which returns a set`)
    const args = argumentsOf(call, called, scope, to)
    return ifModelled(() => unfolded(called, args, scope, to)) ?? unknownCall(call, called, args, scope, to)
  }
  const server = facts.serverFunctionOf(call)
  if (!server) throw new Unmodelled(`the function ${nameIn(call)}`)
  const args = (call.args ?? []).map((each) => to.scalar(each, scope))
  const name = words(call.funcname).at(-1) ?? ''
  const isFree = server.volatility === 'immutable' || facts.readsOnlySettings({ FuncCall: call })
  const type =
    server.returnType === null || /^any|^record$/.test(server.returnType) ? undefined : server.returnType
  const symbol = `pg_catalog.${name}${isFree ? '' : tagOf(scope)}`
  return uninterpreted(symbol, args, type === undefined ? `result of ${name}` : typeOf(type), to)
}

function nameIn({ funcname }: FuncCall): string {
  return words(funcname).join('.')
}

/** What decides, besides the arguments, what a function gives that reads more than settings. */
function tagOf({ rights, within }: Scope): string {
  return ` as ${rights} within ${within[0] ?? 'the policy'}`
}

function unknownCall(
  call: FuncCall,
  called: FormulaFunction,
  args: Scalar[],
  scope: Scope,
  { facts, ...ground }: Translator,
): Scalar {
  const isSelfContained = facts.isSelfContained(called)
  const tag =
    isSelfContained && facts.readsOnlySettings({ FuncCall: call })
      ? ''
      : isSelfContained
        ? ` as ${scope.rights}`
        : tagOf(scope)
  const type = /^any|^record$/.test(called.returnType) ? `result of ${called.oid}` : typeOf(called.returnType)
  const result = uninterpreted(`function ${called.oid} ${called.name}${tag}`, args, type, {
    facts,
    ...ground,
  })
  return called.isStrict ? unlessNull(args, result) : result
}

/** A STRICT function says NULL as soon as any of its arguments is NULL. */
function unlessNull(args: Scalar[], result: Scalar): Scalar {
  const anyNull = or(...args.map(({ isNull }) => isNull))
  return result.type === 'bool'
    ? boolean(and(not(anyNull), result.value), and(not(anyNull), result.isFalse))
    : scalar(result.type, result.value, or(anyNull, result.isNull))
}

function argumentsOf(call: FuncCall, called: FormulaFunction, scope: Scope, to: Translator): Scalar[] {
  const args = call.args ?? []
  if (called.isVariadic || args.length !== called.argumentTypes.length)
    throw new Unmodelled(`${called.name} with defaults`)
  return args.map((each, at) => castTo(to.scalar(each, scope), typeOf(called.argumentTypes[at] ?? ''), to))
}

/** The body, and the names that it can use; it runs with the rights of the function's owner. */
function bodyOf(
  called: FormulaFunction,
  args: Scalar[],
  scope: Scope,
  { facts }: Translator,
): { body: Node; inner: Scope } {
  const { body, language, source, argumentNames, argumentTypes } = called
  const isReadable =
    body !== undefined &&
    called.isSecurityDefiner &&
    facts.isSelfContained(called) &&
    argumentNames.length <= argumentTypes.length &&
    scope.within.length < deepest &&
    !scope.within.includes(called.oid) &&
    // A variable could have the name of a parameter, and a directive could say which one is meant.
    !(language === 'plpgsql' && /\bdeclare\b|#/i.test(source)) &&
    ['sql', 'plpgsql'].includes(language)
  if (!isReadable) throw new Unmodelled(`the body of ${called.name}`)
  const inner: Scope = {
    levels: [],
    parameters: {
      functionName: called.name,
      names: argumentNames,
      values: args,
      columnsFirst: language === 'sql',
    },
    rights: called.owner,
    depth: scope.depth,
    within: [called.oid, ...scope.within],
    picks: scope.picks,
  }
  return { body: facts.withoutTwins(body), inner }
}

function unfolded(called: FormulaFunction, args: Scalar[], scope: Scope, to: Translator): Scalar {
  const { body, inner } = bodyOf(called, args, scope, to)
  const select = as(body, 'SelectStmt')
  const result = select ? to.onlyValue(select, inner, called.language === 'sql') : to.scalar(body, inner)
  const value = castTo(result, typeOf(called.returnType), to)
  return called.isStrict ? unlessNull(args, value) : value
}

/** Whether what `make` says holds of some row of the set: `unnest(array)`, or a query's rows. */
export function someOfSet(call: FuncCall, scope: Scope, make: Make<Scalar>, to: Translator): Term {
  const called = to.facts.functionOf(call)
  const hasMore = ['agg_order', 'agg_filter', 'agg_star', 'agg_distinct', 'over', 'func_variadic'].some(
    (field) => field in call,
  )
  if (hasMore) throw new Unmodelled(`the call of ${nameIn(call)}`)
  if (!called) {
    const [array, ...more] = call.args ?? []
    if (
      words(call.funcname).at(-1) !== 'unnest' ||
      !to.facts.serverFunctionOf(call) ||
      !array ||
      more.length > 0
    )
      throw new Unmodelled(`the set of ${nameIn(call)}`)
    const elements = to.elements(array, scope)
    return and(not(elements.isNull), elements.some(scope.depth, make))
  }
  if (!called.returnsSet) throw new Unmodelled(`${called.name}, which returns no set`)
  const args = argumentsOf(call, called, scope, to)
  const { body, inner } = bodyOf(called, args, scope, to)
  const select = as(body, 'SelectStmt')
  if (!select) throw new Unmodelled(`the set of ${called.name}`)
  const type = typeOf(called.returnType)
  const rows = to.someRow(select, inner, ([value, ...more], depth) => {
    if (!value || more.length > 0) throw new Unmodelled('a set of rows')
    return make(castTo(value, type, to), depth)
  })
  return called.isStrict ? and(...args.map(({ isNull }) => not(isNull)), rows) : rows
}

/** The elements of an array, as far as the expression shows them. */
export function elementsOf(node: Node, scope: Scope, to: Translator): Elements {
  return shownElements(node, scope, to) ?? unknownElements(to.scalar(node, scope), to)
}

function shownElements(node: Node, scope: Scope, to: Translator): Elements | undefined {
  const wrapped = wrappedIn(node)
  if (wrapped) return elementsOf(wrapped, scope, to)
  const link = as(node, 'SubLink')
  const select = link?.subLinkType === 'ARRAY_SUBLINK' ? as(link.subselect, 'SelectStmt') : undefined
  if (select)
    return {
      isNull: 'false',
      some: (depth, make) =>
        to.someRow(select, { ...scope, depth }, ([target, ...more], within) => {
          if (!target || more.length > 0) throw new Unmodelled('an array of rows')
          return make(target, within)
        }),
    }
  const array = as(node, 'A_ArrayExpr')
  if (array) return listedElements(array.elements ?? [], scope, to)
  const cast = as(node, 'TypeCast')
  const type = cast && !hasModifier(cast.typeName) ? typeNamedIn(cast.typeName) : ''
  if (cast && type.endsWith('[]') && !as(cast.arg, 'A_Const'))
    return mapped(elementsOf(cast.arg, scope, to), type.slice(0, -2), to)
  const call = as(node, 'FuncCall')
  const called = call && to.facts.functionOf(call)
  if (!call || !called || called.returnsSet || !to.facts.isSteady(call)) return undefined
  return ifModelled(() => {
    const args = argumentsOf(call, called, scope, to)
    const { body, inner } = bodyOf(called, args, scope, to)
    const bare = as(body, 'SelectStmt')
    const target = bare && isBare(bare) ? as(bare.targetList?.[0], 'ResTarget')?.val : undefined
    const result = bare ? target : body
    // Only what shows its elements is of more use than the call itself.
    const shown = result && showsElements(result) ? shownElements(result, inner, to) : undefined
    if (!shown) throw new Unmodelled(`the array of ${called.name}`)
    const typed = mapped(shown, typeOf(called.returnType).slice(0, -2), to)
    return called.isStrict
      ? { ...typed, isNull: or(typed.isNull, ...args.map(({ isNull }) => isNull)) }
      : typed
  })
}

function showsElements(node: Node): boolean {
  const inner = wrappedIn(node) ?? as(node, 'TypeCast')?.arg
  return inner
    ? showsElements(inner)
    : as(node, 'SubLink')?.subLinkType === 'ARRAY_SUBLINK' || 'A_ArrayExpr' in node
}

function mapped(elements: Elements, type: string, to: Translator): Elements {
  return {
    isNull: elements.isNull,
    some: (depth, make) => elements.some(depth, (element, within) => make(castTo(element, type, to), within)),
  }
}

function listedElements(nodes: Node[], scope: Scope, to: Translator): Elements {
  const values = nodes.map((each) => to.scalar(each, scope))
  const types = new Set(values.flatMap(({ type }) => (type === 'unknown' ? [] : type)))
  const [type] = types
  if (types.size > 1 || [...types].some((each) => each.endsWith('[]')))
    throw new Unmodelled('an array of several types')
  const typed = values.map((value) => {
    if (type !== undefined) return castTo(value, type, to)
    // Literals alone: the comparison says what they are.
    if (value.isNull !== 'true' && textOf(value) === undefined) throw new Unmodelled('a value without a type')
    return value
  })
  return { isNull: 'false', some: (depth, make) => or(...typed.map((value) => make(value, depth))) }
}

/** An array of which nothing is known but that it has the same elements wherever it is the same. */
function unknownElements(array: Scalar, to: Translator): Elements {
  if (!array.type.endsWith('[]')) throw new Unmodelled('an array of another kind')
  const type = array.type.slice(0, -2)
  const sort = sortOf(type)
  const given = { sort: sortOf(array.type), value: array.value }
  return {
    isNull: array.isNull,
    some: (depth, make) => {
      const element = `e${depth}`
      const bound = type === 'bool' ? boolean(element, not(element)) : scalar(type, element, 'false')
      const holds = to.declarations.apply('element', [given, { sort, value: element }], 'Bool')
      const hasNull = to.declarations.apply('has an element NULL', [given], 'Bool')
      return or(
        `(exists ((${element} ${sort})) ${and(holds, make(bound, depth + 1))})`,
        and(hasNull, make(nullOf(type, to), depth + 1)),
      )
    },
  }
}
