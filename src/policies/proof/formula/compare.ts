import type { Declarations } from './declarations.ts'
import type { Facts } from './facts.ts'
import type { Scalar, Term } from './terms.ts'
import { and, boolean, certain, equal, ite, negation, not, or, scalar } from './terms.ts'
import { identityOf, isPlain, orderOf, sortOf } from './types.ts'
import { Unmodelled } from './unmodelled.ts'

/** Where symbols are declared, and what is known of types. */
export interface Ground {
  facts: Facts
  declarations: Declarations
}

const comparisons = new Set(['=', '<>', '<', '<=', '>', '>='])

/** The value of a binary or unary operator of PostgreSQL's own. */
export function operate(name: string, operands: Scalar[], ground: Ground): Scalar {
  if (ground.facts.isOpenOperator(name)) throw new Unmodelled(`the operator ${name} of another schema`)
  const [one, other] = operands
  if (one && other && operands.length === 2 && comparisons.has(name)) return compare(name, one, other, ground)
  const type = isPredicate.has(name) ? 'bool' : `result of ${name}`
  return uninterpreted(`operator ${name}`, operands, type, ground)
}

/** Operators that give booleans, whatever their operands are. */
const isPredicate = new Set([
  '~~',
  '!~~',
  '~~*',
  '!~~*',
  '~',
  '!~',
  '~*',
  '!~*',
  '@>',
  '<@',
  '&&',
  '?',
  '?|',
  '?&',
])

/** `one = other`, `one < other` ...: NULL where either is NULL. */
export function compare(name: string, one: Scalar, other: Scalar, ground: Ground): Scalar {
  if (ground.facts.isOpenOperator(name)) throw new Unmodelled(`the operator ${name} of another schema`)
  const [left, right] = alike(one, other, ground)
  const known = and(not(left.isNull), not(right.isNull))
  const holds = (term: Term) => boolean(and(known, term), and(known, not(term)))
  if (areIdentical(left, right, ground) && ['=', '<>'].includes(name)) {
    const same = left.type === 'bool' ? equal(left.value, right.value) : equal(left.value, right.value)
    return holds(name === '=' ? same : not(same))
  }
  if (areIdentical(left, right, ground) && orderOf(left.type) !== undefined)
    return holds(`(${name} ${left.value} ${right.value})`)
  return uninterpreted(`operator ${name}`, [left, right], 'bool', ground)
}

/** Whether = between the two is identity. */
export function areIdentical(one: Scalar, other: Scalar, { facts }: Ground): boolean {
  const identity = identityOf(one.type, facts)
  return identity !== undefined && identity === identityOf(other.type, facts)
}

/** `one IS DISTINCT FROM other`, never NULL. */
export function differs(one: Scalar, other: Scalar, ground: Ground): Scalar {
  const [left, right] = alike(one, other, ground)
  if (!areIdentical(left, right, ground)) throw new Unmodelled('IS DISTINCT FROM between such types')
  const same = or(
    and(left.isNull, right.isNull),
    and(not(left.isNull), not(right.isNull), equal(left.value, right.value)),
  )
  return negation(certain(same))
}

/** A literal without a type takes that of the other side. */
export function alike(one: Scalar, other: Scalar, ground: Ground): [Scalar, Scalar] {
  if (one.type === 'unknown' && other.type !== 'unknown') return [asType(one, other.type, ground), other]
  if (other.type === 'unknown' && one.type !== 'unknown') return [one, asType(other, one.type, ground)]
  return [one, other]
}

/** A literal, or NULL, of the type. Other values that are of other types stay what they are. */
function asType(value: Scalar, type: string, ground: Ground): Scalar {
  if (value.isNull === 'true') return nullOf(type, ground)
  const text = literals.get(value)
  if (text === undefined) throw new Unmodelled('a value without a type')
  return literal(text, type, ground)
}

/** The texts of literals without a type. */
const literals = new WeakMap<Scalar, string>()

/** `'text'` without a type. */
export function untyped(text: string, ground: Ground): Scalar {
  const value = scalar(
    'unknown',
    ground.declarations.apply(`unknown ${text}`, [], sortOf('unknown')),
    'false',
  )
  literals.set(value, text)
  return value
}

/** The text of a literal that has no type yet. */
export function textOf(value: Scalar): string | undefined {
  return literals.get(value)
}

/** NULL of the type. */
export function nullOf(type: string, { declarations }: Ground): Scalar {
  if (type === 'bool') return boolean('false', 'false')
  const sort = sortOf(type)
  return scalar(type, declarations.apply('null', [], sort), 'true')
}

/** `'text'::type`: texts and labels differ as they are written; of other types two spellings may be one value. */
export function literal(text: string, type: string, { facts, declarations }: Ground): Scalar {
  if (type === 'bool') {
    if (!['t', 'f', 'true', 'false'].includes(text)) throw new Unmodelled('a boolean in another spelling')
    return certain(text.startsWith('t') ? 'true' : 'false')
  }
  const isText = type === 'text' || type === 'varchar' || facts.isEnum(type)
  const isUuid = type === 'uuid' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
  const kind = type === 'varchar' ? 'text' : type
  const value =
    isText || isUuid
      ? declarations.distinct(`literal ${kind}`, text, sortOf(type))
      : declarations.apply(`spelled ${kind} ${text}`, [], sortOf(type))
  return scalar(type, value, 'false')
}

/**
 * A function of which nothing is known but that it gives the same for the same arguments, NULL among them; `name` says
 * everything that decides which function it is, besides the types of its arguments.
 */
export function uninterpreted(name: string, args: Scalar[], type: string, ground: Ground): Scalar {
  const { declarations } = ground
  const symbol = `${name}(${args.map((each) => each.type).join(', ')})`
  const given = args.flatMap((each) => argument(each, ground))
  if (type !== 'bool') {
    const isNull = declarations.apply(`${symbol} is null`, given, 'Bool')
    return scalar(type, declarations.apply(symbol, given, sortOf(type)), isNull)
  }
  const [holds, fails] = ['is true', 'is false'].map((what) =>
    declarations.apply(`${symbol} ${what}`, given, 'Bool'),
  )
  return boolean(holds ?? '', and(not(holds ?? ''), fails ?? ''))
}

/** What an uninterpreted function is told of an argument: of NULL nothing else. */
function argument(value: Scalar, ground: Ground): { sort: string; value: Term }[] {
  if (value.type === 'bool')
    return [
      { sort: 'Bool', value: value.value },
      { sort: 'Bool', value: value.isFalse },
    ]
  const sort = sortOf(value.type)
  const none = nullOf(value.type, ground).value
  return [
    { sort, value: ite(value.isNull, none, value.value) },
    { sort: 'Bool', value: value.isNull },
  ]
}

/** One value where the condition holds, and the other elsewhere; both are of one type. */
export function choose(condition: Term, one: Scalar, other: Scalar, ground: Ground): Scalar {
  const [left, right] = alike(one, other, ground)
  if (left.type !== right.type) throw new Unmodelled('a choice between types')
  if (left.type === 'bool')
    return boolean(ite(condition, left.value, right.value), ite(condition, left.isFalse, right.isFalse))
  return scalar(left.type, ite(condition, left.value, right.value), ite(condition, left.isNull, right.isNull))
}

/** The value as a cast to the type gives it. */
export function castTo(value: Scalar, type: string, ground: Ground): Scalar {
  if (value.type === 'unknown') return asType(value, type, ground)
  if (value.type === type || isSameValue(value.type, type)) return { ...value, type }
  return uninterpreted(`cast to ${type} of`, [value], type, ground)
}

/** Casts that leave the value what it is. */
function isSameValue(from: string, to: string): boolean {
  const texts = ['text', 'varchar']
  const widths = ['int2', 'int4', 'int8']
  return (
    (texts.includes(from) && texts.includes(to)) ||
    (widths.includes(from) && widths.includes(to) && widths.indexOf(from) < widths.indexOf(to))
  )
}

/** `value IS NULL`, of types for which that is a question about one value. */
export function isNullTest(value: Scalar, { facts }: Ground): Scalar {
  if (!isPlain(value.type, facts)) throw new Unmodelled('IS NULL of such a type')
  return certain(value.isNull)
}
