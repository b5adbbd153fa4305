/** A node of PostgreSQL's parse tree: its kind is the only key, `{ IndexStmt: { ... } }`. */
export type Node = Record<string, unknown>

/** `a`, `t.a`, `t.*`: the parts of the name, an `A_Star` for the star. */
export interface ColumnRef {
  fields: Node[]
}

/** `f(a, b)`; everything but the name and arguments makes it an aggregate or a window function. */
export interface FuncCall {
  funcname: Node[]
  args?: Node[]
  agg_order?: Node[]
  agg_filter?: Node
  over?: unknown
  agg_within_group?: boolean
  agg_star?: boolean
  agg_distinct?: boolean
  func_variadic?: boolean
  funcformat?: string
}

/** Operators, and what the grammar makes of IN, BETWEEN, LIKE, IS DISTINCT FROM: `kind` tells. */
export interface OperatorExpression {
  kind: string
  name: Node[]
  lexpr?: Node
  rexpr?: Node
}

/** AND, OR, NOT: `AND_EXPR`, `OR_EXPR`, `NOT_EXPR`. */
export interface BoolExpr {
  boolop: string
  args: Node[]
}

/** A sub-select within an expression; `subLinkType` is `EXPR_SUBLINK`, `EXISTS_SUBLINK`, `ANY_SUBLINK` ... */
export interface SubLink {
  subLinkType: string
  testexpr?: Node
  operName?: Node[]
  subselect: Node
}

/** A type as a cast names it. */
export interface TypeName {
  names?: Node[]
  typmods?: Node[]
  typemod?: number
  arrayBounds?: Node[]
  setof?: boolean
}

/** `a::t`. */
export interface TypeCast {
  arg: Node
  typeName: TypeName
}

/** One column of a target list: `val AS name`. */
export interface ResTarget {
  name?: string
  val: Node
}

/** SELECT, VALUES or a set operation, whose two sides are `larg` and `rarg`. */
export interface SelectStmt {
  distinctClause?: Node[]
  targetList?: Node[]
  fromClause?: Node[]
  whereClause?: Node
  groupClause?: Node[]
  havingClause?: Node
  windowClause?: Node[]
  valuesLists?: Node[]
  sortClause?: Node[]
  limitOffset?: Node
  limitCount?: Node
  limitOption?: string
  lockingClause?: Node[]
  withClause?: WithClause
  op?: string
  larg?: SelectStmt
  rarg?: SelectStmt
}

/** WITH: each of `ctes` is a `CommonTableExpr`. */
export interface WithClause {
  ctes: Node[]
  recursive?: boolean
}

/** `AS name (columns)`. */
export interface Alias {
  aliasname: string
  colnames?: Node[]
}

/** A table or view in FROM. */
export interface RangeVar {
  schemaname?: string
  relname: string
  alias?: Alias
}

/** A sub-select in FROM. */
export interface RangeSubselect {
  lateral?: boolean
  subquery: Node
  alias?: Alias
}

/** Functions in FROM. */
export interface RangeFunction {
  functions: Node[]
  alias?: Alias
}

/** `a JOIN b ON quals`. */
export interface JoinExpr {
  jointype?: string
  larg: Node
  rarg: Node
  quals?: Node
  alias?: Alias
}

interface Kinds {
  A_ArrayExpr: { elements?: Node[] }
  A_Const: {
    isnull?: boolean
    sval?: { sval?: string }
    ival?: { ival?: number }
    boolval?: { boolval?: boolean }
  }
  A_Expr: OperatorExpression
  A_Indirection: { arg: Node; indirection: Node[] }
  A_Star: Record<string, never>
  BoolExpr: BoolExpr
  BooleanTest: { arg: Node; booltesttype: string }
  CaseExpr: { arg?: Node; args: Node[]; defresult?: Node }
  CoalesceExpr: { args: Node[] }
  CollateClause: { arg: Node; collname: Node[] }
  ColumnRef: ColumnRef
  CommonTableExpr: { ctename: string; ctequery: Node }
  CreateFunctionStmt: { sql_body?: Node }
  FuncCall: FuncCall
  JoinExpr: JoinExpr
  List: { items?: Node[] }
  NullTest: { arg: Node; nulltesttype: string }
  ParamRef: { number: number }
  RangeFunction: RangeFunction
  RangeSubselect: RangeSubselect
  RangeTableSample: { relation: Node }
  RangeVar: RangeVar
  ResTarget: ResTarget
  ReturnStmt: { returnval: Node }
  SelectStmt: SelectStmt
  String: { sval?: string }
  SubLink: SubLink
  TypeCast: TypeCast
}

/** What the node holds where it is of that kind: `as(node, 'FuncCall')?.args`. */
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
  const keys = Object.keys(value)
  const first = keys[0]?.[0]
  return keys.length === 1 && first !== undefined && first >= 'A' && first <= 'Z'
}

/** Every node within a value, itself included, parents before children. */
export function* nodesIn(value: unknown): Generator<Node> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodesIn(item)
    return
  }
  if (typeof value !== 'object' || value === null) return
  if (isNode(value)) yield value
  for (const child of Object.values(value)) yield* nodesIn(child)
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
