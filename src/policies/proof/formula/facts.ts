import type { CatalogFunction, BuiltinFunction } from '../../../catalog/functions.ts'
import type { Node, RangeVar } from '../../../syntax/nodes.ts'
import type { CatalogTable } from '../../read/tableCatalog.ts'
import type { CallFields } from '../bodies.ts'
import type { Types } from './types.ts'

/** A function with the one expression or query that it returns. */
export interface FormulaFunction extends Pick<
  CatalogFunction,
  | 'oid'
  | 'name'
  | 'argumentTypes'
  | 'argumentNames'
  | 'isStrict'
  | 'returnsSet'
  | 'returnType'
  | 'isSecurityDefiner'
  | 'owner'
  | 'language'
  | 'source'
  | 'isVariadic'
> {
  /** Undefined where it does more than return one expression or query. */
  body: Node | undefined
}

/** What the catalog says of everything that predicates name. */
export interface Facts extends Types {
  /** The table of the policy. */
  table: Pick<CatalogTable, 'schema' | 'name' | 'columns'>
  /** The function that the call means, where there is only one and it is none of the server's own. */
  functionOf(call: CallFields): FormulaFunction | undefined
  /** The server's own function of that name, where no other can be meant. */
  serverFunctionOf(call: CallFields): BuiltinFunction | undefined
  /** Whether the call gives the same for the same arguments for as long as a statement runs. */
  isSteady(call: CallFields): boolean
  /** Whether everything in the function's body means the same whatever the search_path is. */
  isSelfContained(called: FormulaFunction): boolean
  /** Whether the call reads nothing but the settings of the session, so that it is the same with anybody's rights. */
  readsOnlySettings(call: Node): boolean
  /** Whether an operator of that name can be another one than PostgreSQL's. */
  isOpenOperator(name: string): boolean
  /** The table of that FROM, where its rows stay the same for as long as a statement runs. */
  relationOf(range: RangeVar): CatalogTable | undefined
  /** Whether NOT NULL of the table's columns and its unique keys hold for every row that reading it gives. */
  isConstrained(table: CatalogTable): boolean
  /** The body with functions that only tell who is calling named alike. */
  withoutTwins<T>(tree: T): T
}
