import { printExpression } from '../syntax/expression.ts'
import type { Node } from '../syntax/nodes.ts'
import { as, disjuncts, conjuncts, nodesIn, words } from '../syntax/nodes.ts'
import { replaceNodes } from '../syntax/replaceNodes.ts'
import { aliasesIn } from './scans.ts'

/** One comparison of a table's column, or of an expression of its columns, with something that is no column of it. */
export interface Term {
  /** As it would stand in CREATE INDEX, without the table's alias: `city_id`, `lower(email)`. */
  key: string
  /** `=`, `IN`, `IS`, `<`, `@>`, `~~*` ... as if the key stood on the left. */
  operator: string
  /** The other side is the same for every execution. */
  isConstant: boolean
  /** Other tables that the other side is made of. */
  joins: string[]
}

/** What a condition compares of one table; nothing where it is of another kind. */
export function termsOf(condition: Node, alias: string): Term[] {
  const term = (key: Node, operator: string, other: Node | undefined): Term[] => {
    if (!isOwn(key, alias)) return []
    const joins = other === undefined ? [] : [...aliasesIn(other)]
    if (joins.includes(alias)) return []
    return [{ key: keyText(key), operator, isConstant: other === undefined || isConstant(other), joins }]
  }
  const column = as(condition, 'ColumnRef')
  if (column) return term(condition, 'IS', undefined)
  const bool = as(condition, 'BoolExpr')
  if (bool?.boolop === 'NOT_EXPR' && bool.args[0]) {
    return as(bool.args[0], 'ColumnRef') ? term(bool.args[0], 'IS', undefined) : []
  }
  const nullTest = as(condition, 'NullTest')
  if (nullTest)
    return term(nullTest.arg, nullTest.nulltesttype === 'IS_NULL' ? 'IS' : 'IS NOT NULL', undefined)
  const comparison = as(condition, 'A_Expr')
  if (!comparison?.lexpr || !comparison.rexpr) return []
  const operator = words(comparison.name).at(-1) ?? ''
  const { lexpr, rexpr, kind } = comparison
  if (kind === 'AEXPR_OP_ANY') return operator === '=' ? term(lexpr, 'IN', rexpr) : []
  if (kind !== 'AEXPR_OP') return []
  return isOwn(lexpr, alias) ? term(lexpr, operator, rexpr) : term(rexpr, turned[operator] ?? operator, lexpr)
}

/** Alternatives, each with the terms that it has of the table: `a = 1 OR b = 2`. Empty where there is but one. */
export function alternativesOf(condition: Node, alias: string): Term[][] {
  const parts = disjuncts(condition)
  return parts.length < 2 ? [] : parts.map((part) => conjuncts(part).flatMap((each) => termsOf(each, alias)))
}

/** The condition as the predicate of a partial index; undefined where it is not the same for every execution. */
export function predicateOf(
  condition: Node,
  alias: string,
): { text: string; compared: string[] } | undefined {
  if (aliasesIn(condition).size !== 1 || !aliasesIn(condition).has(alias)) return undefined
  const changes = nodesIn(condition).some(
    (node) => 'ParamRef' in node || 'FuncCall' in node || 'SubLink' in node || 'SQLValueFunction' in node,
  )
  if (changes) return undefined
  const compared = as(condition, 'NullTest') ? [] : columnsIn(condition)
  return { text: keyText(condition), compared }
}

/** Columns that an expression names, without their table. */
function columnsIn(expression: Node): string[] {
  return nodesIn(expression).flatMap((node) => (as(node, 'ColumnRef') ? [keyText(node)] : []))
}

const turned: Record<string, string> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '@>': '<@', '<@': '@>' }

/** Made of columns of this table, and of no other's. */
function isOwn(expression: Node, alias: string): boolean {
  const names = aliasesIn(expression)
  return names.size === 1 && names.has(alias) && !nodesIn(expression).some((node) => 'ParamRef' in node)
}

function isConstant(expression: Node): boolean {
  return nodesIn(expression).every(
    (node) =>
      !['ParamRef', 'FuncCall', 'ColumnRef', 'SubLink', 'SQLValueFunction'].some((kind) => kind in node),
  )
}

/** The expression without its table's alias. */
export function keyText(expression: Node): string {
  return printExpression(
    replaceNodes(expression, (node) => {
      const column = as(node, 'ColumnRef')
      return column && column.fields.length > 1
        ? { ColumnRef: { fields: column.fields.slice(-1) } }
        : undefined
    }),
  )
}

/** A column as it stands in CREATE INDEX: quoted where it has to be. */
export function columnKey(name: string): string {
  return keyText({ ColumnRef: { fields: [{ String: { sval: name } }] } })
}
