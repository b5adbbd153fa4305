import type { Column } from '../../../catalog/columns.ts'
import type { CatalogTable } from '../../read/tableCatalog.ts'
import type { Declarations } from './declarations.ts'
import type { Facts } from './facts.ts'
import type { Scalar, Term } from './terms.ts'
import { and, boolean, not, scalar } from './terms.ts'
import { isPlain, quoted, sortOf, typeOf } from './types.ts'
import { Unmodelled } from './unmodelled.ts'

/** What stands behind an alias: the values of its columns. */
export type Bound = (column: string) => Scalar | undefined

/** The names that an expression can use, and with whose rights it is evaluated. */
export interface Scope {
  /** By alias; the innermost query comes first. */
  levels: ReadonlyMap<string, Bound>[]
  parameters: Parameters | undefined
  /** The owner of the SECURITY DEFINER function whose body this is; empty for the caller. */
  rights: string
  /** How many variables are bound: none at the top, where every symbol stands for one value. */
  depth: number
  /** The functions whose bodies are being read. */
  within: number[]
  /** A symbol stands for a row that a scalar sub-select picks. */
  picks: boolean
}

/** The values of a function's arguments within its body. */
export interface Parameters {
  functionName: string
  names: string[]
  values: Scalar[]
  /** PL/pgSQL refuses a name that could be a column or a parameter; in SQL the column is meant. */
  columnsFirst: boolean
}

/** The columns of the row that the policy judges: constants, since a formula is about any one row. */
export function ownRow(facts: Facts, declarations: Declarations): Bound {
  return (name) => {
    const column = facts.table.columns.find((each) => each.name === name)
    return column && columnValue(`row.${name}`, column, [], facts, declarations, true)
  }
}

/** A row of a table, bound by a quantifier: `row` is its variable. */
export function rowOf(table: CatalogTable, row: Term, facts: Facts, declarations: Declarations): Bound {
  const isConstrained = facts.isConstrained(table)
  return (name) => {
    const column = table.columns.find((each) => each.name === name)
    const args = [{ sort: rowSort(table), value: row }]
    const mayBeNull = !isConstrained || !column?.notNull
    return (
      column &&
      columnValue(`${table.schema}.${table.name}.${name}`, column, args, facts, declarations, mayBeNull)
    )
  }
}

/** The sort of a table's rows: two rows with the same values are two. */
export function rowSort({ schema, name }: Pick<CatalogTable, 'schema' | 'name'>): string {
  return quoted(`row of ${schema}.${name}`)
}

function columnValue(
  symbol: string,
  column: Column,
  args: { sort: string; value: Term }[],
  facts: Facts,
  declarations: Declarations,
  mayBeNull: boolean,
): Scalar {
  const type = typeOf(column.type)
  if (column.isDomain || !isPlain(type, facts)) throw new Unmodelled(`a column of type ${column.type}`)
  // Of other collations different texts may be equal, and their order is another.
  if (column.collation !== 0 && column.collation !== defaultCollation)
    throw new Unmodelled('a column with a collation of its own')
  const isNull = mayBeNull ? declarations.apply(`${symbol} is null`, args, 'Bool') : 'false'
  const value = declarations.apply(symbol, args, sortOf(type))
  return type === 'bool'
    ? boolean(and(not(isNull), value), and(not(isNull), not(value)))
    : scalar(type, value, isNull)
}

/** The oid of the collation `default`, which is deterministic. */
const defaultCollation = 100

/** The value that a name stands for: a column, or a parameter of the function. */
export function resolve(names: string[], scope: Scope): Scalar {
  const [first = '', second, ...more] = names
  if (more.length > 0 || names.includes('*')) throw new Unmodelled('a name of several parts')
  const found = second === undefined ? unqualified(first, scope) : qualified(first, second, scope)
  if (!found) throw new Unmodelled(`the name ${names.join('.')}`)
  return found
}

function unqualified(name: string, { levels, parameters }: Scope): Scalar | undefined {
  const parameter = parameters && valueOf(name, parameters)
  for (const level of levels) {
    const [found, ...others] = Array.from(level.values(), (bound) => bound(name)).filter(
      (each) => each !== undefined,
    )
    if (others.length > 0 || (found && parameter && !parameters.columnsFirst))
      throw new Unmodelled(`the name ${name}, which can mean several things`)
    if (found) return found
    // A whole row.
    if (level.has(name)) return undefined
  }
  return parameter
}

function qualified(first: string, second: string, { levels, parameters }: Scope): Scalar | undefined {
  const bound = levels.find((level) => level.has(first))?.get(first)
  if (bound) return bound(second)
  return parameters?.functionName === first ? valueOf(second, parameters) : undefined
}

function valueOf(name: string, { names, values }: Parameters): Scalar | undefined {
  const at = name === '' ? -1 : names.indexOf(name)
  return names.lastIndexOf(name) === at ? values[at] : undefined
}
