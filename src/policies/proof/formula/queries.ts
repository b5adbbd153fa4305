import type { FuncCall, JoinExpr, Node, RangeVar, SelectStmt } from '../../../syntax/nodes.ts'
import { as, conjuncts, nodesIn, words } from '../../../syntax/nodes.ts'
import type { CatalogTable } from '../../read/tableCatalog.ts'
import { areIdentical, choose, nullOf } from './compare.ts'
import { isSame } from './expressions.ts'
import type { Bound, Scope } from './scope.ts'
import { rowOf, rowSort } from './scope.ts'
import type { Scalar, Term } from './terms.ts'
import { and, boolean, not, or, scalar } from './terms.ts'
import type { Make, Translator } from './translator.ts'
import { quoted } from './types.ts'
import { Unmodelled } from './unmodelled.ts'

/** Clauses that formulas model; any other may change which rows there are. */
const modelled = [
  ...['targetList', 'fromClause', 'whereClause', 'limitOption', 'op', 'all', 'larg', 'rarg'],
  // Neither repeated rows nor their order decide whether one of them exists.
  ...['distinctClause', 'sortClause'],
]

function check(select: SelectStmt, clauses: string[] = []): void {
  const other = Object.keys(select).find((key) => ![...modelled, ...clauses].includes(key))
  if (other !== undefined) throw new Unmodelled(`a query with ${other}`)
  if (select.distinctClause?.some((node) => Object.keys(node).length > 0)) throw new Unmodelled('DISTINCT ON')
}

/** Whether what `make` says holds of the targets of some row that the query gives. */
export function someRow(select: SelectStmt, scope: Scope, make: Make<Scalar[]>, to: Translator): Term {
  check(select)
  const { larg, rarg, op } = select
  if (larg && rarg) {
    if (op !== 'SETOP_UNION') throw new Unmodelled(`a query with ${op ?? 'a set operation'}`)
    const typed: Make<Scalar[]> = (targets, depth) => {
      // Of two queries the types of literals are found together.
      if (targets.some(({ type }) => type === 'unknown')) throw new Unmodelled('a UNION of literals')
      return make(targets, depth)
    }
    return or(someRow(larg, scope, typed, to), someRow(rarg, scope, typed, to))
  }
  const targets = (select.targetList ?? []).map((each) => as(each, 'ResTarget')?.val ?? {})
  const set = setOf(targets, to)
  return from(select.fromClause ?? [], scope, to, (inner) => {
    const where = select.whereClause ? to.truth(select.whereClause, inner).value : 'true'
    if (set)
      return and(
        where,
        to.someOfSet(set, inner, (value, depth) => make([value], depth)),
      )
    return and(
      where,
      make(
        targets.map((each) => to.scalar(each, inner)),
        inner.depth,
      ),
    )
  })
}

/** The call of a function that returns a set, where it is all that the query gives. */
function setOf(targets: Node[], { facts }: Translator): FuncCall | undefined {
  const [only, ...more] = targets
  const call = only && more.length === 0 ? as(only, 'FuncCall') : undefined
  const isSet = call && (facts.functionOf(call) ?? facts.serverFunctionOf(call))?.returnsSet
  return isSet ? call : undefined
}

/** Whether the query gives a row. */
export function hasRow(select: SelectStmt, scope: Scope, to: Translator): Term {
  const { limitCount, ...rest } = select
  if (limitCount && !((as(limitCount, 'A_Const')?.ival?.ival ?? 0) > 0)) throw new Unmodelled('such a LIMIT')
  check(rest)
  if (rest.larg && rest.rarg) {
    if (rest.op !== 'SETOP_UNION') throw new Unmodelled('a set operation')
    return or(hasRow(rest.larg, scope, to), hasRow(rest.rarg, scope, to))
  }
  const calls = nodesIn(rest.targetList).some((node) => 'FuncCall' in node)
  if (!calls)
    return from(rest.fromClause ?? [], scope, to, (inner) =>
      rest.whereClause ? to.truth(rest.whereClause, inner).value : 'true',
    )
  // An aggregate has one row, and a set has none or several.
  return someRow(rest, scope, () => 'true', to)
}

/** Binds what FROM names, one after the other, and says what `body` says of it. */
function from(items: readonly Node[], outer: Scope, to: Translator, body: (inner: Scope) => Term): Term {
  const levels = [new Map<string, Bound>(), ...outer.levels]
  return bindAll(items, { ...outer, levels }, outer, to, body)
}

function bindAll(
  items: readonly Node[],
  scope: Scope,
  outer: Scope,
  to: Translator,
  body: (inner: Scope) => Term,
): Term {
  const [first, ...rest] = items
  if (!first) return body(scope)
  return bind(first, scope, outer, to, (inner) => bindAll(rest, inner, outer, to, body))
}

function bind(item: Node, scope: Scope, outer: Scope, to: Translator, body: (inner: Scope) => Term): Term {
  const range = as(item, 'RangeVar')
  if (range) {
    const table = relationOf(range, to)
    const row = `r${scope.depth}`
    to.declarations.sort(rowSort(table))
    const inner = withAlias(
      range.alias?.aliasname ?? range.relname,
      rowOf(table, row, to.facts, to.declarations),
      {
        ...scope,
        depth: scope.depth + 1,
      },
    )
    return `(exists ((${row} ${rowSort(table)})) ${and(isIn(table, row, scope, to), body(inner))})`
  }
  const join = as(item, 'JoinExpr')
  if (join) return bindJoin(join, scope, outer, to, body)
  const query = as(item, 'RangeSubselect')
  const select = query && as(query.subquery, 'SelectStmt')
  if (query && select) {
    const alias = query.alias
    if (!alias || alias.colnames || query.lateral) throw new Unmodelled('such a sub-select in FROM')
    if (select.larg) throw new Unmodelled('a set operation in FROM')
    const names = (select.targetList ?? []).map((each) => nameOf(each))
    return to.someRow(select, { ...outer, depth: scope.depth }, (targets, depth) =>
      body(withAlias(alias.aliasname, (name) => named(name, names, targets), { ...scope, depth })),
    )
  }
  throw new Unmodelled('such a FROM')
}

function bindJoin(
  join: JoinExpr,
  scope: Scope,
  outer: Scope,
  to: Translator,
  body: (inner: Scope) => Term,
): Term {
  if (join.jointype !== 'JOIN_INNER' || join.alias || join.isNatural || join.usingClause)
    throw new Unmodelled('such a join')
  return bind(join.larg, scope, outer, to, (left) =>
    bind(join.rarg, left, outer, to, (both) =>
      and(join.quals ? to.truth(join.quals, both).value : 'true', body(both)),
    ),
  )
}

function nameOf(target: Node): string {
  const { name, val } = (target['ResTarget'] ?? {}) as { name?: string; val?: Node }
  return name ?? (val ? words(as(val, 'ColumnRef')?.fields ?? []).at(-1) : undefined) ?? ''
}

function named(name: string, names: string[], targets: Scalar[]): Scalar | undefined {
  const at = names.indexOf(name)
  if (names.length !== targets.length || at !== names.lastIndexOf(name))
    throw new Unmodelled('two columns of one name')
  return targets[at]
}

function withAlias(alias: string, bound: Bound, scope: Scope): Scope {
  const [level, ...outer] = scope.levels
  if (!level || level.has(alias)) throw new Unmodelled('an alias that is there twice')
  return { ...scope, levels: [new Map([...level, [alias, bound]]), ...outer] }
}

function relationOf(range: RangeVar, { facts }: Translator): CatalogTable {
  const table = facts.relationOf(range)
  if (!table || range.alias?.colnames) throw new Unmodelled(`the relation ${range.relname}`)
  return table
}

/** Whether reading the table with these rights gives the row. */
function isIn(table: CatalogTable, row: Term, { rights }: Scope, to: Translator): Term {
  const name = `${table.schema}.${table.name} read as ${rights === '' ? 'the caller' : quoted(rights)}`
  return to.declarations.apply(name, [{ sort: rowSort(table), value: row }], 'Bool')
}

/**
 * The value of a query that gives one row at most, since it asks for a unique key, or whose value is the same for every
 * row. Only at the top, where one symbol can stand for that row.
 */
export function onlyValue(select: SelectStmt, scope: Scope, takesFirst: boolean, to: Translator): Scalar {
  const { limitCount, sortClause, ...rest } = select
  void sortClause
  const isLimited = as(limitCount, 'A_Const')?.ival?.ival === 1
  check(rest)
  const [target, ...more] = (rest.targetList ?? []).map((each) => as(each, 'ResTarget')?.val)
  if ((limitCount && !isLimited) || rest.larg || !target || more.length > 0 || setOf([target], to))
    throw new Unmodelled('such a scalar sub-select')
  if (!rest.fromClause) {
    const where = rest.whereClause ? to.truth(rest.whereClause, scope).value : 'true'
    return orNull(where, to.scalar(target, scope), to)
  }
  const [item, ...others] = rest.fromClause
  const range = item && others.length === 0 ? as(item, 'RangeVar') : undefined
  if (!range || scope.depth > 0 || scope.picks || !rest.whereClause)
    throw new Unmodelled('such a scalar sub-select')
  const table = relationOf(range, to)
  const place = quoted(`row picked at ${scope.within.length}.${scope.levels.length}`)
  const alias = range.alias?.aliasname ?? range.relname
  const bound = rowOf(table, place, to.facts, to.declarations)
  const inner = withAlias(alias, bound, {
    ...scope,
    levels: [new Map(), ...scope.levels],
    picks: true,
  })
  const condition = and(isIn(table, place, scope, to), to.truth(rest.whereClause, inner).value)
  const value = to.scalar(target, inner)
  const found = hasRow(rest, scope, to)
  const isFixed = ![value.value, value.isNull, value.isFalse].some((term) => term.includes(place))
  if (isFixed && (takesFirst || isLimited)) return orNull(found, value, to)
  const keys = keysGiven(rest.whereClause, table, alias, place, inner, to)
  if (keys.length === 0) throw new Unmodelled('a scalar sub-select that may find several rows')
  for (const key of keys) to.declarations.fact(uniqueness(key, table, scope, to))
  const row = to.declarations.apply(`row picked of ${condition}`, [], rowSort(table))
  const put = (term: Term) => term.replaceAll(place, row)
  to.declarations.fact(`(=> ${found} ${put(condition)})`)
  return orNull(
    found,
    { ...value, value: put(value.value), isNull: put(value.isNull), isFalse: put(value.isFalse) },
    to,
  )
}

/** The value where the condition holds, else NULL. */
function orNull(condition: Term, value: Scalar, to: Translator): Scalar {
  if (value.type === 'unknown') throw new Unmodelled('a literal without a type')
  if (value.type === 'bool') return boolean(and(condition, value.value), and(condition, value.isFalse))
  if (condition === 'true') return value
  return condition === 'false'
    ? choose('false', value, nullOf(value.type, to), to)
    : scalar(value.type, value.value, or(not(condition), value.isNull))
}

/** The unique keys of which every column is compared with something that does not depend on the row. */
function keysGiven(
  where: Node,
  table: CatalogTable,
  alias: string,
  place: Term,
  scope: Scope,
  to: Translator,
): string[][] {
  if (!to.facts.isConstrained(table)) return []
  const given = new Set<string>()
  for (const condition of conjuncts(where)) {
    const operator = as(condition, 'A_Expr')
    if (operator?.kind !== 'AEXPR_OP' || words(operator.name).join('.') !== '=') continue
    const { lexpr, rexpr } = operator
    if (!lexpr || !rexpr) continue
    for (const [column, other] of [
      [lexpr, rexpr],
      [rexpr, lexpr],
    ] as const) {
      const names = words(as(column, 'ColumnRef')?.fields ?? [])
      const [name = ''] = names.slice(-1)
      if (names.length === 0 || names.length > 2 || (names.length === 2 && names[0] !== alias)) continue
      const [one, value] = [to.scalar(column, scope), to.scalar(other, scope)]
      if (!one.value.includes(place) || [value.value, value.isNull].some((term) => term.includes(place)))
        continue
      // A literal takes the type of the column.
      if (value.type === 'unknown' || areIdentical(one, value, to)) given.add(name)
    }
  }
  return table.uniqueColumns.filter((key) => key.length > 0 && key.every((name) => given.has(name)))
}

/** No two rows of the table have the same values in all columns of the key. */
function uniqueness(key: string[], table: CatalogTable, scope: Scope, to: Translator): Term {
  const [one, other] = ['k0', 'k1'].map((row) => rowOf(table, row, to.facts, to.declarations))
  const same = key.map((name) => {
    const [left, right] = [one?.(name), other?.(name)]
    if (!left || !right || !areIdentical(left, right, to) || left.type === 'bool')
      throw new Unmodelled(`a key of type ${left?.type ?? ''}`)
    return isSame(left, right)
  })
  const sort = rowSort(table)
  const both = and(isIn(table, 'k0', scope, to), isIn(table, 'k1', scope, to), ...same)
  return `(forall ((k0 ${sort}) (k1 ${sort})) (=> ${both} (= k0 k1)))`
}
