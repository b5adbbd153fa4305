import type { FuncCall, Node, SelectStmt } from '../../../syntax/nodes.ts'
import type { Ground } from './compare.ts'
import type { Scope } from './scope.ts'
import type { Scalar, Term } from './terms.ts'

/** Says something of one row or element, where `depth` variables are bound. */
export type Make<T> = (found: T, depth: number) => Term

/** An array as far as its elements matter. */
export interface Elements {
  isNull: Term
  /** Whether what `make` says holds of some element. */
  some(depth: number, make: Make<Scalar>): Term
}

/** Turns parts of expressions into terms; each throws `Unmodelled` where nothing may be assumed. */
export interface Translator extends Ground {
  scalar(node: Node, scope: Scope): Scalar
  /** The same, of an expression that is a condition. */
  truth(node: Node, scope: Scope): Scalar
  /** Whether what `make` says holds of the targets of some row that the query gives. */
  someRow(select: SelectStmt, scope: Scope, make: Make<Scalar[]>): Term
  /** Whether the query gives a row. */
  hasRow(select: SelectStmt, scope: Scope): Term
  /** The one value of a query that gives one row at most; with `takesFirst` further rows are left out and no error. */
  onlyValue(select: SelectStmt, scope: Scope, takesFirst: boolean): Scalar
  elements(node: Node, scope: Scope): Elements
  call(call: FuncCall, scope: Scope): Scalar
  /** Whether what `make` says holds of some row of a function that returns a set of values. */
  someOfSet(call: FuncCall, scope: Scope, make: Make<Scalar>): Term
}
