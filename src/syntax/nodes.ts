import type * as Parser from '@pgsql/types'

/** A node of PostgreSQL's parse tree: its kind is the only key, `{ IndexStmt: { ... } }`. */
export type Node = Record<string, unknown>

/** A kind's fields as the parser's own types have them, but with our `Node` for the nodes in them. */
type Fields<T> = {
  [K in keyof T]: NonNullable<T[K]> extends Parser.Node
    ? Node
    : NonNullable<T[K]> extends Parser.Node[]
      ? Node[]
      : NonNullable<T[K]> extends Parser.SelectStmt
        ? SelectStmt
        : T[K]
}
/** The parser's types let every field be absent; these never are. */
type With<T, Present extends keyof T> = Fields<Omit<T, Present>> & Required<Fields<Pick<T, Present>>>

/** `a`, `t.a`, `t.*`: the parts of the name, an `A_Star` for the star. */
export type ColumnRef = With<Parser.ColumnRef, 'fields'>
/** `f(a, b)`; fields beyond the name and arguments make it an aggregate or a window function. */
export type FuncCall = With<Parser.FuncCall, 'funcname'>
/** An operator, or IN, BETWEEN, LIKE, IS DISTINCT FROM: `kind` says which. */
export type OperatorExpression = With<Parser.A_Expr, 'kind' | 'name'>
/** AND, OR, NOT: `AND_EXPR`, `OR_EXPR`, `NOT_EXPR`. */
export type BoolExpr = With<Parser.BoolExpr, 'boolop' | 'args'>
/** A sub-select within an expression; `subLinkType` is `EXPR_SUBLINK`, `EXISTS_SUBLINK`, `ANY_SUBLINK` ... */
export type SubLink = With<Parser.SubLink, 'subLinkType' | 'subselect'>
/** A type as a cast names it. */
export type TypeName = Fields<Parser.TypeName>
/** `a::t`. */
export type TypeCast = With<Parser.TypeCast, 'arg'> & { typeName: TypeName }
/** One column of a target list: `val AS name`. */
export type ResTarget = With<Parser.ResTarget, 'val'>
/** SELECT, VALUES or a set operation, whose two sides are `larg` and `rarg`. */
export interface SelectStmt extends Fields<Omit<Parser.SelectStmt, 'larg' | 'rarg' | 'withClause'>> {
  larg?: SelectStmt
  rarg?: SelectStmt
  withClause?: WithClause
}
/** WITH: each of `ctes` is a `CommonTableExpr`. */
export type WithClause = With<Parser.WithClause, 'ctes'>
/** `AS name (columns)`. */
export type Alias = With<Parser.Alias, 'aliasname'>
type WithAlias<T> = Omit<T, 'alias'> & { alias?: Alias }
/** A table or view in FROM. */
export type RangeVar = WithAlias<With<Parser.RangeVar, 'relname'>>
/** A sub-select in FROM. */
export type RangeSubselect = WithAlias<With<Parser.RangeSubselect, 'subquery'>>
/** Functions in FROM. */
export type RangeFunction = WithAlias<With<Parser.RangeFunction, 'functions'>>
/** `a JOIN b ON quals`. */
export type JoinExpr = WithAlias<With<Parser.JoinExpr, 'larg' | 'rarg'>>

interface Kinds {
  A_ArrayExpr: Fields<Parser.A_ArrayExpr>
  A_Const: Fields<Parser.A_Const>
  A_Expr: OperatorExpression
  A_Indirection: With<Parser.A_Indirection, 'arg' | 'indirection'>
  A_Star: Parser.A_Star
  BoolExpr: BoolExpr
  BooleanTest: With<Parser.BooleanTest, 'arg' | 'booltesttype'>
  CaseExpr: With<Parser.CaseExpr, 'args'>
  CoalesceExpr: With<Parser.CoalesceExpr, 'args'>
  CollateClause: With<Parser.CollateClause, 'arg' | 'collname'>
  ColumnRef: ColumnRef
  CommonTableExpr: With<Parser.CommonTableExpr, 'ctename' | 'ctequery'>
  CreateFunctionStmt: Fields<Parser.CreateFunctionStmt>
  FuncCall: FuncCall
  JoinExpr: JoinExpr
  List: Fields<Parser.List>
  NullTest: With<Parser.NullTest, 'arg' | 'nulltesttype'>
  ParamRef: With<Parser.ParamRef, 'number'>
  RangeFunction: RangeFunction
  RangeSubselect: RangeSubselect
  RangeTableSample: With<Parser.RangeTableSample, 'relation'>
  RangeVar: RangeVar
  ResTarget: ResTarget
  ReturnStmt: With<Parser.ReturnStmt, 'returnval'>
  SQLValueFunction: Fields<Parser.SQLValueFunction>
  SelectStmt: SelectStmt
  String: Fields<Parser.String>
  SubLink: SubLink
  TypeCast: TypeCast
}

/** The fields of a node of that kind, else undefined: `as(node, 'FuncCall')?.args`. */
export function as<K extends keyof Kinds>(node: Node | undefined, kind: K): Kinds[K] | undefined {
  return node?.[kind] as Kinds[K] | undefined
}

/** The kind of a node, such as `FuncCall`. */
export function kindOf(node: Node): string {
  return Object.keys(node)[0] ?? ''
}

/** The words of a name that is a list of strings: `auth.uid` -> `['auth', 'uid']`. A star is `*`. */
export function words(names: readonly Node[]): string[] {
  return names.map((name) => as(name, 'String')?.sval ?? '*')
}

/** Whether the value can be a node: an object whose only key is a kind, which starts with a capital. */
export function isNode(value: unknown): value is Node {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  let only: string | undefined
  for (const key in value) {
    if (only !== undefined) return false
    only = key
  }
  const first = only?.[0]
  return first !== undefined && first >= 'A' && first <= 'Z'
}

/** Every node within a value, itself included, parents before children. */
export function nodesIn(value: unknown): Node[] {
  const found: Node[] = []
  collect(value, found)
  return found
}

function collect(value: unknown, found: Node[]): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) collect(item, found)
    return
  }
  if (isNode(value)) found.push(value)
  for (const child of Object.values(value)) collect(child, found)
}

/** The parts of a conjunction, nested ones included: `a AND (b AND c)` -> a, b, c. Anything else is one part. */
export function conjuncts(node: Node): Node[] {
  return operandsOf(node, 'AND_EXPR')
}

/** The parts of a disjunction, nested ones included. Anything else is one part. */
export function disjuncts(node: Node): Node[] {
  return operandsOf(node, 'OR_EXPR')
}

function operandsOf(node: Node, operator: 'AND_EXPR' | 'OR_EXPR'): Node[] {
  const expression = as(node, 'BoolExpr')
  if (expression?.boolop !== operator) return [node]
  return expression.args.flatMap((argument) => operandsOf(argument, operator))
}
