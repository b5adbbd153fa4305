import type { TypeName } from '../../../syntax/nodes.ts'
import { words } from '../../../syntax/nodes.ts'
import { Unmodelled } from './unmodelled.ts'

/** How `format_type` writes types that have another name in the catalog. */
const spelled: Record<string, string> = {
  bigint: 'int8',
  bit: 'bit',
  boolean: 'bool',
  character: 'bpchar',
  'character varying': 'varchar',
  'double precision': 'float8',
  integer: 'int4',
  real: 'float4',
  smallint: 'int2',
  'time without time zone': 'time',
  'time with time zone': 'timetz',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
}

/** The catalog's name of a type that `format_type` printed: `character varying(20)[]` -> `varchar[]`. */
export function typeOf(printed: string): string {
  const isArray = printed.endsWith('[]')
  const base = (isArray ? printed.slice(0, -2) : printed).replace(/\(\s*[\d,\s-]+\)/, '').trim()
  return `${spelled[base] ?? base}${isArray ? '[]' : ''}`
}

/** The type that a cast names: `pg_catalog.int4` -> `int4`. A length is no part of it: see `hasModifier`. */
export function typeNamedIn({ names, arrayBounds, setof, pct_type }: TypeName): string {
  const parts = words(names ?? [])
  if (setof || pct_type || parts.length === 0 || parts.length > 2)
    throw new Unmodelled('a type of another kind')
  const [schema, name = schema ?? ''] = parts.length === 2 ? parts : [undefined, parts[0]]
  const base = schema === undefined || schema === 'pg_catalog' ? name : `${schema}.${name}`
  return `${base}${(arrayBounds ?? []).length > 0 ? '[]' : ''}`
}

/** Whether a cast to the type may cut or round values: `varchar(5)`. */
export function hasModifier({ typmods, typemod }: TypeName): boolean {
  return (typmods ?? []).length > 0 || (typemod ?? -1) !== -1
}

/**
 * Types whose = is identity: values that are equal cannot be told apart by any function. That is not so for numeric
 * (1.0 and 1.00), float (0 and -0), interval (a month and 30 days), bpchar (blanks at the end) or jsonb.
 */
const identical: Record<string, string> = {
  bool: 'bool',
  int2: 'int',
  int4: 'int',
  int8: 'int',
  text: 'text',
  varchar: 'text',
  uuid: 'uuid',
  bytea: 'bytea',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
}

/** Types whose values, in their order, are taken for numbers: a counterexample of PostgreSQL is one of numbers too. */
const ordered: Record<string, Sort> = { int: 'Int', date: 'Real', timestamp: 'Real', timestamptz: 'Real' }

type Sort = string

/** What formulas know about types. */
export interface Types {
  isEnum(type: string): boolean
}

/** The class of types within which = is identity; undefined where = means something else. */
export function identityOf(type: string, { isEnum }: Types): string | undefined {
  return isEnum(type) ? type : identical[type]
}

/** The sort of SMT-LIB of a class within which < is the order of numbers; undefined for other types. */
export function orderOf(type: string): Sort | undefined {
  return ordered[identical[type] ?? '']
}

/** The sort of SMT-LIB in which the type's values are; varchar and text share one, and so do the integers. */
export function sortOf(type: string): Sort {
  const isArray = type.endsWith('[]')
  const base = isArray ? type.slice(0, -2) : type
  if (type === 'bool') return 'Bool'
  return orderOf(type) ?? quoted(`type ${identical[base] === 'text' ? 'text' : base}${isArray ? '[]' : ''}`)
}

/** Types of a single value, of which IS NULL says what it says of the value itself. */
export function isPlain(type: string, types: Types): boolean {
  const base = type.replace(/\[\]$/, '')
  return identityOf(base, types) !== undefined || plain.has(base)
}

const plain = new Set([
  ...['numeric', 'float4', 'float8', 'json', 'jsonb', 'interval', 'time', 'timetz', 'inet', 'cidr', 'oid'],
])

/** A symbol of SMT-LIB with any text in it. */
export function quoted(text: string): string {
  return `|${text.replaceAll(/[%|\\\n\r]/g, (char) => `%${char.charCodeAt(0).toString(16)};`)}|`
}
