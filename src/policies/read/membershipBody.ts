import { cast, conjunction, selectOf } from '../../syntax/build.ts'
import { isBare, sameTree } from '../../syntax/expression.ts'
import type { Node, SelectStmt, TypeName } from '../../syntax/nodes.ts'
import { as, conjuncts, nodesIn, words } from '../../syntax/nodes.ts'
import { replaceNodes } from '../../syntax/replaceNodes.ts'
import { aliasesOf } from '../../syntax/rowReferences.ts'
import type { FunctionBody } from './functionBody.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { Unclear, columnsIn, relationsIn } from './queryColumns.ts'
import type { Column } from '../../catalog/columns.ts'
import type { CatalogTable } from './tableCatalog.ts'

/** The keys for which a membership function returns true, as a query without parameters. Names are as in the function. */
export interface KeyQuery {
  /** `SELECT m.org_id FROM members m WHERE m.user_id = auth.uid()` */
  query: Node
  /** The column of the keys: `org_id`. */
  keyColumn: string
  /** Its type as `format_type` prints it. */
  keyType: string
  /** Its collation is nondeterministic: different texts may be equal. */
  isNondeterministic: boolean
  /** The conditions, to decide whether the keys depend on the caller. */
  conditions: Node[]
}

/**
 * Turns the body of a membership function into a query for its keys. The body must be one EXISTS (or IN) on
 * key = parameter, whose other conditions do not use that parameter. The values of other parameters are filled in.
 *
 * `EXISTS (SELECT 1 FROM members WHERE org_id = $1 AND user_id = auth.uid())` ->
 * `SELECT org_id FROM members WHERE user_id = auth.uid()`
 *
 * @param key the position of the parameter that holds a column of the row
 * @param values what the call passes to the other parameters, by position
 * @throws Unclear with the precondition that does not hold
 */
export function keysOf(
  called: CatalogFunction,
  { result }: FunctionBody,
  key: number,
  values: Map<number, { value: Node; type: TypeName | undefined }>,
  tables: CatalogTable[],
): KeyQuery {
  const { select, member } = existsIn(result)
  const query = withoutLimit(select, member !== undefined)
  const parameterOf = parameters(called, query, tables)
  const isKey = (node: Node) => parameterOf(node) === key
  const holdsKey = (value: unknown) => nodesIn(value).some(isKey)

  const conditions = query.whereClause ? conjuncts(query.whereClause) : []
  let found: Node | undefined
  const rest: Node[] = []
  if (member) {
    if (!isKey(member)) throw new Unclear('its body does not ask whether its argument itself is IN the query')
    found = as(query.targetList?.[0], 'ResTarget')?.val
    rest.push(...conditions)
  } else {
    for (const condition of conditions) {
      const compared = found ? undefined : comparedWithKey(condition, isKey)
      if (compared) found = compared
      else rest.push(condition)
    }
  }
  if (!found) throw new Unclear('its body has no condition of the form key = argument')
  if (holdsKey([rest, query.fromClause])) {
    throw new Unclear('its body uses the argument outside of the condition key = argument')
  }
  const column = as(found, 'ColumnRef')
  const keyColumn = column && words(column.fields).at(-1)
  const keyColumns = keyColumn === undefined ? [] : columnsNamed(found, keyColumn, query, tables)
  const types = new Set(keyColumns.map(({ type }) => type))
  const [keyType] = types
  if (keyColumn === undefined || keyType === undefined || types.size > 1) {
    throw new Unclear('its body does not compare its argument with one column')
  }

  const withValues = <T>(tree: T): T =>
    replaceNodes(tree, (node) => {
      const position = parameterOf(node)
      if (position === undefined) return undefined
      const given = values.get(position)
      if (!given) throw new Unclear('its body uses a parameter that has no value in the call')
      return given.type ? cast(given.value, given.type) : given.value
    })
  const where = conjunction(withValues(rest))
  const from = withValues(query.fromClause ?? [])
  return {
    query: selectOf(found, {
      // Joins may return a key many times.
      ...(relationsIn(query, tables).length > 1 ? { distinctClause: [{}] } : {}),
      fromClause: from,
      ...(where ? { whereClause: where } : {}),
    }),
    keyColumn,
    keyType,
    isNondeterministic: keyColumns.some((each) => each.isNondeterministic),
    conditions: withValues(rest),
  }
}

/** The query of `EXISTS (query)` or of `member IN (query)`, which may be wrapped once more. */
function existsIn(result: Node | undefined): { select: SelectStmt; member?: Node } {
  const notOne = new Unclear('its body is not one EXISTS')
  if (!result) throw notOne
  const link = as(result, 'SubLink')
  const select = as(link?.subselect, 'SelectStmt')
  if (link && select) {
    if (link.subLinkType === 'EXISTS_SUBLINK') {
      if (nodesIn(select.targetList).some((node) => 'FuncCall' in node)) throw notOne
      return { select }
    }
    if (link.subLinkType === 'ANY_SUBLINK' && !link.operName && link.testexpr) {
      if (select.targetList?.length !== 1) throw notOne
      return { select, member: link.testexpr }
    }
    const target = as(select.targetList?.[0], 'ResTarget')?.val
    if (link.subLinkType === 'EXPR_SUBLINK' && isBare(select) && target) return existsIn(target)
  }
  throw notOne
}

/**
 * The query without LIMIT and ORDER BY. Any LIMIT but 0 leaves the result of EXISTS as it is; grouping, windows, set
 * operations and OFFSET may change it. With IN (`isIn`) a LIMIT matters too: it decides which values there are.
 *
 * @throws Unclear if anything besides FROM and WHERE decides the result
 */
export function withoutLimit(select: SelectStmt, isIn = false): SelectStmt {
  const { limitCount, sortClause, distinctClause, ...rest } = select
  const one = as(limitCount, 'A_Const')?.ival?.ival
  if (limitCount && !one) throw new Unclear('its query has a LIMIT that is not a constant above 0')
  if (limitCount && isIn) throw new Unclear('its query has a LIMIT, which decides what is IN it')
  // Neither order nor repeated rows matter to EXISTS.
  void sortClause
  if (distinctClause?.some((node) => Object.keys(node).length > 0)) {
    throw new Unclear('its query has DISTINCT ON')
  }
  const known = new Set(['targetList', 'fromClause', 'whereClause', 'limitOption', 'op'])
  const other = Object.keys(rest).find((key) => !known.has(key))
  if (other !== undefined || rest.op !== 'SETOP_NONE' || !rest.fromClause) {
    throw new Unclear(`its query is more than FROM and WHERE${other ? ` (${other})` : ''}`)
  }
  return { ...rest, limitOption: 'LIMIT_OPTION_DEFAULT' }
}

function comparedWithKey(condition: Node, isKey: (node: Node) => boolean): Node | undefined {
  const expression = as(condition, 'A_Expr')
  if (expression?.kind !== 'AEXPR_OP' || words(expression.name).join('.') !== '=') return undefined
  const { lexpr, rexpr } = expression
  if (!lexpr || !rexpr) return undefined
  if (isKey(rexpr) && as(lexpr, 'ColumnRef')) return lexpr
  if (isKey(lexpr) && as(rexpr, 'ColumnRef')) return rexpr
  return undefined
}

/**
 * Returns a function that tells which parameter a node is: `$1`, the parameter's name, or `function.name`. In an SQL
 * function a column of the same name wins; PL/pgSQL refuses to run such a body.
 */
function parameters(
  called: CatalogFunction,
  query: SelectStmt,
  tables: CatalogTable[],
): (node: Node) => number | undefined {
  const columns = new Set(
    relationsIn(query, tables).flatMap((table) => table.columns.map(({ name }) => name)),
  )
  const aliases = new Set(aliasesOf(query.fromClause ?? []))
  const positionOf = (name: string): number | undefined => {
    const position = called.argumentNames.indexOf(name)
    return name !== '' && position >= 0 && position < called.argumentTypes.length ? position : undefined
  }
  return (node) => {
    const numbered = as(node, 'ParamRef')
    if (numbered) return numbered.number - 1
    const column = as(node, 'ColumnRef')
    if (!column) return undefined
    const [first = '', second, ...more] = words(column.fields)
    if (second === undefined) return columns.has(first) || aliases.has(first) ? undefined : positionOf(first)
    return first === called.name && more.length === 0 && !aliases.has(first) ? positionOf(second) : undefined
  }
}

/** The columns that a reference can mean: those of the relation that its alias names, or of every relation. */
function columnsNamed(column: Node, name: string, query: SelectStmt, tables: CatalogTable[]): Column[] {
  const parts = words(as(column, 'ColumnRef')?.fields ?? [])
  const alias = parts.length > 1 ? parts[0] : undefined
  const own =
    alias === undefined
      ? query
      : { ...query, fromClause: (query.fromClause ?? []).flatMap((item) => relationsNamed(item, alias)) }
  const all = columnsIn(
    { ...own, whereClause: undefined, targetList: [{ ResTarget: { val: column } }] } as SelectStmt,
    tables,
  )
  return all.filter((each) => each.name === name)
}

function relationsNamed(item: Node, alias: string): Node[] {
  return nodesIn(item).filter((node) => as(node, 'RangeVar') !== undefined && aliasesOf([node])[0] === alias)
}

/** Whether two key queries give the same keys. */
export function sameKeys(one: KeyQuery, other: KeyQuery): boolean {
  return sameTree(one.query, other.query)
}
