/** A term of SMT-LIB as text. */
export type Term = string

/**
 * A value of SQL. A boolean is a pair: `value` says that it is true, `isFalse` that it is false, and it is NULL where
 * neither holds. Of every other type `value` is of the type's sort, and means nothing where `isNull` holds.
 */
export interface Scalar {
  /** The type's name in the catalog: `int4`, `text`, `public.status`, `uuid[]`. */
  type: string
  value: Term
  isNull: Term
  /** Of booleans alone. */
  isFalse: Term
}

/** `(and ...)` without what is certain. */
export function and(...parts: Term[]): Term {
  return joined('and', 'true', 'false', parts)
}

/** `(or ...)` without what is impossible. */
export function or(...parts: Term[]): Term {
  return joined('or', 'false', 'true', parts)
}

function joined(operator: string, neutral: Term, deciding: Term, parts: Term[]): Term {
  const open = [...new Set(parts)].filter((part) => part !== neutral)
  if (open.includes(deciding)) return deciding
  const [first = neutral, ...more] = open
  return more.length === 0 ? first : `(${operator} ${open.join(' ')})`
}

/** `(not ...)` */
export function not(part: Term): Term {
  if (part === 'true') return 'false'
  if (part === 'false') return 'true'
  return part.startsWith('(not ') ? part.slice(5, -1) : `(not ${part})`
}

/** `(ite condition one other)` */
export function ite(condition: Term, one: Term, other: Term): Term {
  if (condition === 'true' || one === other) return one
  return condition === 'false' ? other : `(ite ${condition} ${one} ${other})`
}

/** `(= one other)` */
export function equal(one: Term, other: Term): Term {
  return one === other ? 'true' : `(= ${one} ${other})`
}

/** `(name argument ...)`, or the constant where there are no arguments. */
export function apply(name: Term, args: Term[]): Term {
  return args.length === 0 ? name : `(${name} ${args.join(' ')})`
}

/** The SQL boolean that is true where `isTrue` holds and false where `isFalse` does. */
export function boolean(isTrue: Term, isFalse: Term): Scalar {
  return { type: 'bool', value: isTrue, isFalse, isNull: and(not(isTrue), not(isFalse)) }
}

/** A boolean that is never NULL. */
export function certain(isTrue: Term): Scalar {
  return boolean(isTrue, not(isTrue))
}

/** A value of a type other than boolean. */
export function scalar(type: string, value: Term, isNull: Term): Scalar {
  return { type, value, isNull, isFalse: 'false' }
}

/** `NOT a`: NULL stays NULL. */
export function negation({ value, isFalse }: Scalar): Scalar {
  return boolean(isFalse, value)
}

/** `a AND b ...`: false as soon as one is false, though others are NULL. */
export function conjunctionOf(parts: Scalar[]): Scalar {
  return boolean(and(...parts.map(({ value }) => value)), or(...parts.map(({ isFalse }) => isFalse)))
}

/** `a OR b ...`: true as soon as one is true, though others are NULL. */
export function disjunctionOf(parts: Scalar[]): Scalar {
  return boolean(or(...parts.map(({ value }) => value)), and(...parts.map(({ isFalse }) => isFalse)))
}
