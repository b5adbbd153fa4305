import type { Node, SelectStmt, TypeName } from './nodes.ts'

/** The name as a list of string nodes: `['auth', 'uid']` -> what `auth.uid` parses to. */
export function nameNodes(parts: readonly string[]): Node[] {
  return parts.map((sval) => ({ String: { sval } }))
}

/** `table.column`, or `column` where no table is given. */
export function columnReference(...parts: string[]): Node {
  return { ColumnRef: { fields: nameNodes(parts) } }
}

/** `left = right`. */
export function equals(left: Node, right: Node): Node {
  return { A_Expr: { kind: 'AEXPR_OP', name: nameNodes(['=']), lexpr: left, rexpr: right } }
}

/** `a AND b`; a single part as it is, and `undefined` without parts. */
export function conjunction(parts: readonly Node[]): Node | undefined {
  return parts.length > 1 ? { BoolExpr: { boolop: 'AND_EXPR', args: [...parts] } } : parts[0]
}

/** `a OR b`; a single part as it is, and `undefined` without parts. */
export function disjunction(parts: readonly Node[]): Node | undefined {
  return parts.length > 1 ? { BoolExpr: { boolop: 'OR_EXPR', args: [...parts] } } : parts[0]
}

/** `schema.name(args)`. */
export function call(name: readonly string[], args: readonly Node[] = []): Node {
  return {
    FuncCall: {
      funcname: nameNodes(name),
      ...(args.length > 0 ? { args: [...args] } : {}),
      funcformat: 'COERCE_EXPLICIT_CALL',
    },
  }
}

/** `SELECT target FROM ... WHERE ...`, as a statement. */
export function selectOf(target: Node, rest: Partial<SelectStmt> = {}): Node {
  return {
    SelectStmt: {
      targetList: [{ ResTarget: { val: target } }],
      ...rest,
      limitOption: 'LIMIT_OPTION_DEFAULT',
      op: 'SETOP_NONE',
    },
  }
}

/** `(SELECT expression)`: PostgreSQL evaluates it once per statement if it reads no column of the row. */
export function scalarSubselect(expression: Node): Node {
  return { SubLink: { subLinkType: 'EXPR_SUBLINK', subselect: selectOf(expression) } }
}

/** `expression IN (select)`. */
export function inSubselect(expression: Node, select: Node): Node {
  return { SubLink: { subLinkType: 'ANY_SUBLINK', testexpr: expression, subselect: select } }
}

/** `ARRAY(select)`. */
export function arraySubselect(select: Node): Node {
  return { SubLink: { subLinkType: 'ARRAY_SUBLINK', subselect: select } }
}

/** `expression = ANY (array)`: an index on the expression can be used. */
export function anyOfArray(expression: Node, array: Node): Node {
  return {
    A_Expr: { kind: 'AEXPR_OP_ANY', name: nameNodes(['=']), lexpr: expression, rexpr: array },
  }
}

/** `expression::type`. */
export function cast(expression: Node, typeName: TypeName): Node {
  return { TypeCast: { arg: expression, typeName } }
}

/** `uuid` -> `uuid[]`; a modifier, as in `varchar(20)`, matters only for columns and is left out. */
export function arrayOf(typeName: TypeName): TypeName {
  const array: TypeName = { ...typeName, arrayBounds: [{ Integer: { ival: -1 } }] }
  delete array.typmods
  return array
}

/** NULL, or a string literal without a type. */
export function literal(text: string | null): Node {
  return { A_Const: text === null ? { isnull: true } : { sval: { sval: text } } }
}

/** `true` or `false`. */
export function booleanLiteral(value: boolean): Node {
  return { A_Const: { boolval: value ? { boolval: true } : {} } }
}
