import { canonical, wrappedIn } from '../../../syntax/expression.ts'
import type { Node, OperatorExpression, SubLink } from '../../../syntax/nodes.ts'
import { as, kindOf, words } from '../../../syntax/nodes.ts'
import {
  alike,
  areIdentical,
  castTo,
  choose,
  compare,
  differs,
  isNullTest,
  nullOf,
  operate,
  uninterpreted,
  untyped,
} from './compare.ts'
import type { Scope } from './scope.ts'
import { resolve } from './scope.ts'
import type { Scalar } from './terms.ts'
import {
  and,
  boolean,
  certain,
  conjunctionOf,
  disjunctionOf,
  equal,
  negation,
  not,
  or,
  scalar,
} from './terms.ts'
import type { Elements, Translator } from './translator.ts'
import { hasModifier, typeNamedIn } from './types.ts'
import { Unmodelled } from './unmodelled.ts'

/** The value of an expression. */
export function expression(node: Node, scope: Scope, to: Translator): Scalar {
  const reference = as(node, 'ColumnRef')
  if (reference) return resolve(words(reference.fields), scope)
  const parameter = as(node, 'ParamRef')
  if (parameter) return numbered(parameter.number, scope)
  const constant = as(node, 'A_Const')
  if (constant) return valueOf(constant, to)
  const connective = as(node, 'BoolExpr')
  if (connective) {
    const args = connective.args.map((each) => to.truth(each, scope))
    if (connective.boolop === 'AND_EXPR') return conjunctionOf(args)
    if (connective.boolop === 'OR_EXPR') return disjunctionOf(args)
    const [only] = args
    if (connective.boolop === 'NOT_EXPR' && only) return negation(only)
  }
  const operator = as(node, 'A_Expr')
  if (operator) return operation(operator, scope, to)
  const test = as(node, 'NullTest')
  if (test) {
    if ('argisrow' in test && test.argisrow) throw new Unmodelled('IS NULL of a row')
    const asked = isNullTest(to.scalar(test.arg, scope), to)
    return test.nulltesttype === 'IS_NULL' ? asked : negation(asked)
  }
  const asked = as(node, 'BooleanTest')
  if (asked) return truthTest(asked.booltesttype, to.truth(asked.arg, scope))
  const coalesced = as(node, 'CoalesceExpr')
  if (coalesced) {
    const values = coalesced.args.map((each) => to.scalar(each, scope))
    return values.reduceRight((rest, value) => choose(not(value.isNull), value, rest, to))
  }
  const cases = as(node, 'CaseExpr')
  if (cases) return choice(cases, scope, to)
  const cast = as(node, 'TypeCast')
  if (cast) {
    const value = to.scalar(cast.arg, scope)
    if (!hasModifier(cast.typeName)) return castTo(value, typeNamedIn(cast.typeName), to)
    if (value.type === 'unknown') throw new Unmodelled('a literal that is cut')
    return uninterpreted(`cast to ${canonical(cast.typeName)} of`, [value], typeNamedIn(cast.typeName), to)
  }
  const link = as(node, 'SubLink')
  if (link) return subLink(node, link, scope, to)
  const call = as(node, 'FuncCall')
  if (call) return to.call(call, scope)
  const array = as(node, 'A_ArrayExpr')
  if (array) return arrayOf(array.elements ?? [], scope, to)
  const current = as(node, 'SQLValueFunction')
  if (current) return ofStatement(current.op ?? '', current.typmod, scope, to)
  throw new Unmodelled(kindOf(node))
}

function numbered(number: number, { parameters }: Scope): Scalar {
  const value = parameters?.values[number - 1]
  if (!value) throw new Unmodelled(`$${number}`)
  return value
}

function valueOf(constant: NonNullable<ReturnType<typeof as<'A_Const'>>>, to: Translator): Scalar {
  if (constant.isnull) return { ...nullOf('unknown', to), isNull: 'true' }
  if (constant.sval) return untyped(constant.sval.sval ?? '', to)
  if (constant.boolval) return certain(constant.boolval.boolval ? 'true' : 'false')
  if (constant.ival) {
    const value = constant.ival.ival ?? 0
    return scalar('int4', value < 0 ? `(- ${-value})` : String(value), 'false')
  }
  if (constant.fval) {
    const text = constant.fval.fval ?? ''
    // As large as this it may be a bigint.
    if (/^\d+$/.test(text)) throw new Unmodelled('a large number')
    return scalar('numeric', to.declarations.apply(`number ${text}`, [], '|type numeric|'), 'false')
  }
  throw new Unmodelled('a bit string')
}

function operation(operator: OperatorExpression, scope: Scope, to: Translator): Scalar {
  const { kind, lexpr, rexpr } = operator
  const names = words(operator.name)
  const [name = ''] = names.slice(-1)
  if (names.length > 1 && names[0] !== 'pg_catalog') throw new Unmodelled(`the operator ${names.join('.')}`)
  if (!rexpr) throw new Unmodelled('an operator without a right side')
  const left = () => {
    if (!lexpr) throw new Unmodelled('an operator without a left side')
    return to.scalar(lexpr, scope)
  }
  const listed = () => as(rexpr, 'List')?.items ?? []
  switch (kind) {
    case 'AEXPR_OP':
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
      return operate(name, [...(lexpr ? [to.scalar(lexpr, scope)] : []), to.scalar(rexpr, scope)], to)
    case 'AEXPR_OP_ANY':
      return anyOf(name, left(), to.elements(rexpr, scope), scope, to)
    case 'AEXPR_OP_ALL':
      return allOf(name, left(), to.elements(rexpr, scope), scope, to)
    case 'AEXPR_IN': {
      const value = left()
      const each = listed().map((item) => compare(name, value, to.scalar(item, scope), to))
      return name === '=' ? disjunctionOf(each) : conjunctionOf(each)
    }
    case 'AEXPR_DISTINCT':
      return differs(left(), to.scalar(rexpr, scope), to)
    case 'AEXPR_NOT_DISTINCT':
      return negation(differs(left(), to.scalar(rexpr, scope), to))
    case 'AEXPR_NULLIF': {
      const [one, other] = alike(left(), to.scalar(rexpr, scope), to)
      if (!areIdentical(one, other, to)) throw new Unmodelled('NULLIF of such types')
      return choose(compare('=', one, other, to).value, nullOf(one.type, to), one, to)
    }
    case 'AEXPR_BETWEEN':
    case 'AEXPR_NOT_BETWEEN': {
      const [lower, upper] = listed().map((item) => to.scalar(item, scope))
      if (!lower || !upper) throw new Unmodelled('BETWEEN without two ends')
      const value = left()
      const within = conjunctionOf([compare('>=', value, lower, to), compare('<=', value, upper, to)])
      return kind === 'AEXPR_BETWEEN' ? within : negation(within)
    }
    default:
      throw new Unmodelled(kind)
  }
}

/** `value = ANY (elements)`: false only where it is false of every element, and NULL for no array. */
function anyOf(name: string, value: Scalar, elements: Elements, { depth }: Scope, to: Translator): Scalar {
  const of = (element: Scalar) => comparison(name, value, element, to)
  return boolean(
    and(
      not(elements.isNull),
      elements.some(depth, (element) => of(element).value),
    ),
    and(not(elements.isNull), not(elements.some(depth, (element) => not(of(element).isFalse)))),
  )
}

/** `value <> ALL (elements)`: true only where it is true of every element. */
function allOf(name: string, value: Scalar, elements: Elements, { depth }: Scope, to: Translator): Scalar {
  const of = (element: Scalar) => comparison(name, value, element, to)
  return boolean(
    and(not(elements.isNull), not(elements.some(depth, (element) => not(of(element).value)))),
    and(
      not(elements.isNull),
      elements.some(depth, (element) => of(element).isFalse),
    ),
  )
}

function comparison(name: string, one: Scalar, other: Scalar, to: Translator): Scalar {
  const result = operate(name, [one, other], to)
  if (result.type !== 'bool') throw new Unmodelled(`the operator ${name} as a condition`)
  return result
}

function truthTest(kind: string, { value, isFalse }: Scalar): Scalar {
  const isUnknown = and(not(value), not(isFalse))
  const tests: Record<string, string> = {
    IS_TRUE: value,
    IS_NOT_TRUE: not(value),
    IS_FALSE: isFalse,
    IS_NOT_FALSE: not(isFalse),
    IS_UNKNOWN: isUnknown,
    IS_NOT_UNKNOWN: or(value, isFalse),
  }
  const test = tests[kind]
  if (test === undefined) throw new Unmodelled(kind)
  return certain(test)
}

/** CASE: the first WHEN that is true decides. */
function choice(
  { arg, args, defresult }: NonNullable<ReturnType<typeof as<'CaseExpr'>>>,
  scope: Scope,
  to: Translator,
): Scalar {
  const compared = arg && to.scalar(arg, scope)
  const arms = args.map((each) => {
    const { expr, result } = each['CaseWhen'] as { expr: Node; result: Node }
    const when = compared ? compare('=', compared, to.scalar(expr, scope), to) : to.truth(expr, scope)
    return { when: when.value, result: to.scalar(result, scope) }
  })
  const none: Scalar = { ...nullOf('unknown', to), isNull: 'true' }
  return arms.reduceRight(
    (rest, { when, result }) => choose(when, result, rest, to),
    defresult ? to.scalar(defresult, scope) : none,
  )
}

function subLink(node: Node, link: SubLink, scope: Scope, to: Translator): Scalar {
  const select = as(link.subselect, 'SelectStmt')
  if (!select) throw new Unmodelled('a sub-select of another kind')
  const wrapped = wrappedIn(node)
  if (wrapped) return to.scalar(wrapped, scope)
  if (link.subLinkType === 'EXISTS_SUBLINK') return certain(to.hasRow(select, scope))
  if (link.subLinkType === 'EXPR_SUBLINK') return to.onlyValue(select, scope, false)
  const names = words(link.operName ?? [])
  const [name = '='] = names.slice(-1)
  if (!link.testexpr || names.length > 1) throw new Unmodelled(link.subLinkType)
  const rows: Elements = {
    isNull: 'false',
    some: (depth, make) =>
      to.someRow(select, { ...scope, depth }, ([target, ...more], within) => {
        if (!target || more.length > 0) throw new Unmodelled('a list of several columns')
        return make(target, within)
      }),
  }
  const value = to.scalar(link.testexpr, scope)
  if (link.subLinkType === 'ANY_SUBLINK') return anyOf(name, value, rows, scope, to)
  if (link.subLinkType === 'ALL_SUBLINK') return allOf(name, value, rows, scope, to)
  throw new Unmodelled(link.subLinkType)
}

function arrayOf(elements: Node[], scope: Scope, to: Translator): Scalar {
  const values = elements.map((each) => to.scalar(each, scope))
  const [first] = values
  if (!first || values.some(({ type }) => type !== first.type || type === 'unknown'))
    throw new Unmodelled('an array of several types')
  return { ...uninterpreted('array', values, `${first.type}[]`, to), isNull: 'false' }
}

/** `CURRENT_DATE`, `CURRENT_USER`: one value for as long as a statement runs. */
function ofStatement(op: string, typmod: number | undefined, { rights }: Scope, to: Translator): Scalar {
  const type = { SVFOP_CURRENT_DATE: 'date', SVFOP_CURRENT_TIMESTAMP: 'timestamptz' }[op]
  if (type !== undefined && (typmod ?? -1) === -1) {
    const { value } = uninterpreted(op, [], type, to)
    return scalar(type, value, 'false')
  }
  return uninterpreted(`${op} ${typmod ?? -1} as ${rights}`, [], `result of ${op}`, to)
}

/** Whether two values are the same and neither is NULL. */
export function isSame(one: Scalar, other: Scalar): string {
  return and(not(one.isNull), not(other.isNull), equal(one.value, other.value))
}
