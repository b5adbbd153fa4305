import type { RelationName } from '../postgres/identifiers.ts'
import type { Node, SelectStmt } from '../syntax/nodes.ts'
import { as, conjuncts, isNode, kindOf, nodesIn, words } from '../syntax/nodes.ts'
import { relationsIn } from '../syntax/relations.ts'
import { readsOtherRows } from './knownAtStart.ts'

/** A table, and the column by which it would be partitioned. */
export interface KeyedTable {
  table: RelationName
  key: string
}

/** One place where a statement names the table. */
export interface KeyUse {
  /** A condition restricts the key here, so that PostgreSQL reads some partitions and not all. */
  isBounded: boolean
}

/** A view's query, by its name. */
export interface ViewQuery extends RelationName {
  query: Node
}

/** What is known of the database beside the statement. */
export interface KnownNames {
  /** Views that are seen through. */
  views?: readonly ViewQuery[]
  /** Names of VOLATILE functions, without schema: no partition is left out by what they return. */
  volatileFunctions?: ReadonlySet<string>
  /** `key <@ range` prunes partitions since PostgreSQL 17. */
  rangesPrune?: boolean
}

/**
 * Every place where a statement reads or changes the table, by the parse tree, and whether the key is bounded there: by a
 * comparison of the bare column with what is known when the statement starts, in a conjunct of WHERE or of a join's
 * condition, in every arm of an OR, or by equality with a column for which that holds.
 *
 * ```sql
 * SELECT * FROM bookings b JOIN days d ON d.day = b.booking_date WHERE d.day = $1  -- bounded
 * SELECT * FROM bookings WHERE booking_date >= $1 OR id = $2                       -- not bounded
 * ```
 *
 * The rows of INSERT have a key, so its table counts as bounded. A condition outside of a sub-select or view counts for
 * the table in it where PostgreSQL moves conditions inside: not past LIMIT, window functions, DISTINCT ON, nor a GROUP BY
 * without the key.
 */
export function keyUsesIn(statement: Node, keyed: KeyedTable, known: KnownNames = {}): KeyUse[] {
  const walk = new Walk(statement, keyed, known)
  walk.statement(statement, new Map(), undefined)
  return walk.uses
}

/** A query's result: which uses of the table a column of it has the key of, by the column's name. */
type Outputs = Map<string, KeyUse[]>

/** An item of FROM. */
interface Item {
  alias: string
  outputs: Outputs
}

/** One level of a statement: its items, and the columns that an equality fixes. */
interface Scope {
  items: Item[]
  outer: Scope | undefined
  fixed: Set<string>
}

/** WITH queries by name. */
type Named = ReadonlyMap<string, Node>

/** A condition, and the items that it can restrict; all where absent. */
interface Condition {
  node: Node
  restricts?: ReadonlySet<Item>
}

const comparisons = new Set(['=', '<', '<=', '>', '>='])
const ranges = new Set(['<@', '@>'])

class Walk {
  readonly uses: KeyUse[] = []
  private readonly keyed: KeyedTable
  private readonly known: KnownNames
  private readonly timesNamed = new Map<string, number>()

  constructor(statement: Node, keyed: KeyedTable, known: KnownNames) {
    this.keyed = keyed
    this.known = known
    for (const { schema, name } of relationsIn(statement)) {
      if (schema === undefined) this.timesNamed.set(name, (this.timesNamed.get(name) ?? 0) + 1)
    }
  }

  statement(node: Node, named: Named, outer: Scope | undefined): Outputs {
    const select = as(node, 'SelectStmt')
    if (select) return this.select(select, named, outer)
    const change = node[kindOf(node)] as Change
    const withQueries = this.withQueries(change.withClause, named, outer)
    switch (kindOf(node)) {
      case 'InsertStmt':
        this.insert(change, withQueries, outer)
        break
      case 'UpdateStmt':
      case 'DeleteStmt':
      case 'MergeStmt':
        this.change(change, withQueries, outer)
        break
      default:
        break
    }
    return new Map()
  }

  private insert(insert: Change, named: Named, outer: Scope | undefined): void {
    if (this.isTable(insert.relation, new Map())) this.use().isBounded = true
    if (insert.selectStmt) this.statement(insert.selectStmt, named, outer)
    const rest = without(insert, 'relation', 'selectStmt', 'withClause')
    this.subselects(rest, named, { items: [], outer, fixed: new Set() })
  }

  private change(change: Change, named: Named, outer: Scope | undefined): void {
    const conditions: Condition[] = []
    const items: Item[] = []
    // The target of a change is never a WITH query.
    if (change.relation) items.push(this.relation(change.relation, new Map(), outer))
    for (const from of [...(change.fromClause ?? []), ...(change.usingClause ?? [])]) {
      items.push(...this.from(from, named, outer, conditions))
    }
    if (change.sourceRelation) items.push(...this.from(change.sourceRelation, named, outer, conditions))
    if (change.whereClause) conditions.push({ node: change.whereClause })
    if (change.joinCondition) {
      const [target] = items
      const matches = !(change.mergeWhenClauses ?? []).some(isForUnmatchedTarget)
      if (target && matches) conditions.push({ node: change.joinCondition, restricts: new Set([target]) })
    }
    const scope: Scope = { items, outer, fixed: new Set() }
    this.bind(conditions, scope)
    const rest = without(change, 'relation', 'fromClause', 'usingClause', 'sourceRelation', 'withClause')
    this.subselects(rest, named, scope)
  }

  private select(select: SelectStmt, named: Named, outer: Scope | undefined): Outputs {
    const inner = this.withQueries(select.withClause, named, outer)
    if (select.larg && select.rarg) {
      const left = this.select(select.larg, inner, outer)
      const right = this.select(select.rarg, inner, outer)
      if (isCut(select)) return new Map()
      return bothArms(select, left, right)
    }
    const conditions: Condition[] = []
    const items = (select.fromClause ?? []).flatMap((from) => this.from(from, inner, outer, conditions))
    if (select.whereClause) conditions.push({ node: select.whereClause })
    const scope: Scope = { items, outer, fixed: new Set() }
    this.bind(conditions, scope)
    this.subselects(without(select, 'fromClause', 'withClause'), inner, scope)
    for (const from of select.fromClause ?? []) this.joinSubselects(from, inner, scope)
    return outputsOf(select, scope)
  }

  /** WITH queries are read where they are named, as PostgreSQL does for those named once; the others here. */
  private withQueries(clause: unknown, named: Named, outer: Scope | undefined): Named {
    const ctes = (clause as { ctes?: Node[]; recursive?: boolean } | undefined)?.ctes ?? []
    if (ctes.length === 0) return named
    const inner = new Map(named)
    for (const each of ctes) {
      const cte = as(each, 'CommonTableExpr')
      if (!cte) continue
      const isRecursive = (clause as { recursive?: boolean }).recursive === true
      const isRead = as(cte.ctequery, 'SelectStmt') !== undefined
      const once = (this.timesNamed.get(cte.ctename) ?? 0) === 1
      const isInlined = isRead && !isRecursive && cte.ctematerialized !== 'CTEMaterializeAlways'
      if (isInlined && once) {
        inner.set(cte.ctename, withinNames(cte.ctequery, inner))
      } else {
        // Its own name hides the table, also within it where it is recursive.
        if (isRecursive) inner.set(cte.ctename, nothing)
        this.statement(cte.ctequery, inner, outer)
        inner.set(cte.ctename, nothing)
      }
    }
    return inner
  }

  private from(node: Node, named: Named, outer: Scope | undefined, conditions: Condition[]): Item[] {
    const relation = as(node, 'RangeVar')
    if (relation) return [this.relation(relation, named, outer)]
    const sampled = as(node, 'RangeTableSample')
    if (sampled) return this.from(sampled.relation, named, outer, conditions)
    const sub = as(node, 'RangeSubselect')
    if (sub) {
      return [{ alias: sub.alias?.aliasname ?? '', outputs: this.statement(sub.subquery, named, outer) }]
    }
    const join = as(node, 'JoinExpr')
    if (!join) return []
    const left = this.from(join.larg, named, outer, conditions)
    const right = this.from(join.rarg, named, outer, conditions)
    const all = [...left, ...right]
    const restricts = new Set(
      join.jointype === 'JOIN_LEFT'
        ? right
        : join.jointype === 'JOIN_RIGHT'
          ? left
          : join.jointype === 'JOIN_FULL'
            ? []
            : all,
    )
    if (join.quals) conditions.push({ node: join.quals, restricts })
    return all
  }

  private joinSubselects(node: Node, named: Named, scope: Scope): void {
    const join = as(node, 'JoinExpr')
    if (!join) return
    this.subselects(join.quals, named, scope)
    this.joinSubselects(join.larg, named, scope)
    this.joinSubselects(join.rarg, named, scope)
  }

  private relation(relation: NamedAs, named: Named, outer: Scope | undefined): Item {
    const alias = relation.alias?.aliasname ?? relation.relname
    if (relation.schemaname === undefined) {
      const cte = named.get(relation.relname)
      if (cte) {
        const { query, names } = namesWithin(cte, named)
        return { alias, outputs: cte === nothing ? new Map() : this.statement(query, names, outer) }
      }
    }
    if (this.isTable(relation, named)) {
      return { alias, outputs: new Map([[this.keyed.key, [this.use()]]]) }
    }
    const view = this.known.views?.find((each) => isNamed(relation, each))
    return { alias, outputs: view ? this.statement(view.query, new Map(), undefined) : new Map() }
  }

  private isTable(relation: NamedAs | undefined, named: Named): boolean {
    if (!relation) return false
    if (relation.schemaname === undefined && named.has(relation.relname)) return false
    return isNamed(relation, this.keyed.table)
  }

  private use(): KeyUse {
    const use = { isBounded: false }
    this.uses.push(use)
    return use
  }

  /** Sub-selects within expressions, each once. */
  private subselects(value: unknown, named: Named, scope: Scope): void {
    if (typeof value !== 'object' || value === null) return
    if (Array.isArray(value)) {
      for (const item of value) this.subselects(item, named, scope)
      return
    }
    if (isNode(value)) {
      const link = as(value, 'SubLink')
      if (link) {
        this.statement(link.subselect, named, scope)
        this.subselects(link.testexpr, named, scope)
        return
      }
    }
    for (const child of Object.values(value)) this.subselects(child, named, scope)
  }

  private bind(conditions: readonly Condition[], scope: Scope): void {
    const parts = conditions.flatMap(({ node, restricts }) =>
      conjuncts(node).map((part) => ({ node: part, restricts })),
    )
    this.spread(parts, scope)
    for (const { node, restricts } of parts) {
      for (const use of this.boundBy(node, scope, restricts)) use.isBounded = true
    }
  }

  /** Which columns an equality fixes, directly or through others. */
  private spread(
    parts: readonly { node: Node; restricts: ReadonlySet<Item> | undefined }[],
    scope: Scope,
  ): void {
    const equalities = parts.flatMap(({ node, restricts }) => {
      const sides = sidesOf(node, '=')
      return sides ? [{ sides, restricts }] : []
    })
    for (let before = -1; before < scope.fixed.size;) {
      before = scope.fixed.size
      for (const { sides, restricts } of equalities) {
        const [one, other] = sides
        for (const [column, value] of [
          [one, other],
          [other, one],
        ] as const) {
          const found = columnOf(column, scope)
          if (!found || !this.isKnown(value, scope)) continue
          if (restricts && found.item && !restricts.has(found.item)) continue
          scope.fixed.add(found.name)
        }
      }
    }
  }

  private boundBy(node: Node, scope: Scope, restricts: ReadonlySet<Item> | undefined): KeyUse[] {
    const logic = as(node, 'BoolExpr')
    if (logic?.boolop === 'AND_EXPR') return logic.args.flatMap((arm) => this.boundBy(arm, scope, restricts))
    if (logic?.boolop === 'OR_EXPR') {
      const [first = [], ...others] = logic.args.map((arm) => this.boundBy(arm, scope, restricts))
      return first.filter((use) => others.every((uses) => uses.includes(use)))
    }
    return comparisonsIn(node, this.known.rangesPrune ?? true).flatMap(({ column, value }) => {
      if (!this.isKnown(value, scope)) return []
      const found = keyOf(column, scope)
      return found && (!restricts || restricts.has(found.item)) ? found.uses : []
    })
  }

  /** Whether a value is known before the scope's rows are read: no column of them, but for those that are fixed. */
  private isKnown(value: unknown, scope: Scope): boolean {
    if (isVolatile(value, this.known.volatileFunctions)) return false
    return !readsOtherRows(value, (column) => isFixed(column, scope))
  }
}

interface NamedAs {
  relname: string
  schemaname?: string | undefined
  alias?: { aliasname?: string } | undefined
}

/** INSERT, UPDATE, DELETE and MERGE. */
interface Change {
  relation?: NamedAs
  selectStmt?: Node
  withClause?: unknown
  fromClause?: Node[]
  usingClause?: Node[]
  sourceRelation?: Node
  whereClause?: Node
  joinCondition?: Node
  mergeWhenClauses?: Node[]
}

function without<T extends object>(fields: T, ...names: (keyof T)[]): Partial<T> {
  const rest: Partial<T> = { ...fields }
  for (const name of names) Reflect.deleteProperty(rest, name)
  return rest
}

/** `WHEN NOT MATCHED BY SOURCE` reads rows of the target that nothing joins. */
function isForUnmatchedTarget(node: Node): boolean {
  return (
    (node['MergeWhenClause'] as { matchKind?: string } | undefined)?.matchKind ===
    'MERGE_WHEN_NOT_MATCHED_BY_SOURCE'
  )
}

/** Stands for a WITH query that no condition moves into. */
const nothing: Node = { Nothing: {} }

/** A WITH query with the names that it sees. */
function withinNames(query: Node, names: Named): Node {
  return { Within: { query, names: new Map(names) } }
}

function namesWithin(node: Node, otherwise: Named): { query: Node; names: Named } {
  return (node['Within'] as { query: Node; names: Named } | undefined) ?? { query: node, names: otherwise }
}

function isNamed(relation: NamedAs, { schema, name }: RelationName): boolean {
  return relation.relname === name && (relation.schemaname === undefined || relation.schemaname === schema)
}

/** A comparison that PostgreSQL prunes partitions by, both ways round. */
function comparisonsIn(node: Node, rangesPrune: boolean): { column: Node; value: unknown }[] {
  const expression = as(node, 'A_Expr')
  if (!expression?.lexpr) return []
  const { kind, lexpr, rexpr } = expression
  const operator = words(expression.name).at(-1) ?? ''
  switch (kind) {
    case 'AEXPR_OP': {
      const prunes = comparisons.has(operator) || (rangesPrune && ranges.has(operator))
      if (!prunes || !rexpr) return []
      if (operator === '<@') return [{ column: lexpr, value: rexpr }]
      if (operator === '@>') return [{ column: rexpr, value: lexpr }]
      return [
        { column: lexpr, value: rexpr },
        { column: rexpr, value: lexpr },
      ]
    }
    case 'AEXPR_OP_ANY':
      return comparisons.has(operator) ? [{ column: lexpr, value: rexpr }] : []
    case 'AEXPR_IN':
      return operator === '=' ? [{ column: lexpr, value: rexpr }] : []
    case 'AEXPR_BETWEEN':
    case 'AEXPR_BETWEEN_SYM':
      return [{ column: lexpr, value: rexpr }]
    default:
      return []
  }
}

function sidesOf(node: Node, operator: string): [Node, Node] | undefined {
  const expression = as(node, 'A_Expr')
  if (expression?.kind !== 'AEXPR_OP' || words(expression.name).at(-1) !== operator) return undefined
  return expression.lexpr && expression.rexpr ? [expression.lexpr, expression.rexpr] : undefined
}

/** A column of the scope's own items, under one name however it is written; an unqualified one may be any item's. */
function columnOf(node: Node, scope: Scope): { name: string; item: Item | undefined } | undefined {
  const column = as(node, 'ColumnRef')
  if (!column) return undefined
  const parts = words(column.fields)
  const name = parts.at(-1) ?? ''
  const alias = parts.at(-2)
  if (alias !== undefined) {
    const item = scope.items.find((each) => each.alias === alias)
    return item && { name: `${alias}.${name}`, item }
  }
  const item =
    scope.items.find((each) => each.outputs.has(name)) ??
    (scope.items.length === 1 ? scope.items[0] : undefined)
  return item ? { name: `${item.alias}.${name}`, item } : { name: `.${name}`, item: undefined }
}

function keyOf(node: Node, scope: Scope): { uses: KeyUse[]; item: Item } | undefined {
  const found = columnOf(node, scope)
  const name = found?.name.slice(found.name.indexOf('.') + 1)
  const uses = found?.item && name !== undefined ? found.item.outputs.get(name) : undefined
  return found?.item && uses ? { uses, item: found.item } : undefined
}

function isFixed(column: Node, scope: Scope): boolean {
  const found = columnOf(column, scope)
  if (found && (found.item || !scope.outer)) return scope.fixed.has(found.name)
  if (found && scope.fixed.has(found.name)) return true
  return scope.outer !== undefined && isFixed(column, scope.outer)
}

const volatileOfSystem = new Set([
  'random',
  'clock_timestamp',
  'timeofday',
  'gen_random_uuid',
  'uuidv4',
  'uuidv7',
  'nextval',
  'currval',
  'lastval',
  'setval',
])

function isVolatile(value: unknown, ofUsers: ReadonlySet<string> | undefined): boolean {
  return nodesIn(value).some((node) => {
    const call = as(node, 'FuncCall')
    const name = call && (words(call.funcname).at(-1) ?? '')
    return name !== undefined && (volatileOfSystem.has(name) || (ofUsers?.has(name) ?? false))
  })
}

/** PostgreSQL moves no condition past these. */
function isCut(select: SelectStmt): boolean {
  const distinctOn = (select.distinctClause ?? []).some((each) => Object.keys(each).length > 0)
  return select.limitCount !== undefined || select.limitOffset !== undefined || distinctOn
}

function outputsOf(select: SelectStmt, scope: Scope): Outputs {
  const outputs: Outputs = new Map()
  if (isCut(select)) return outputs
  const targets = (select.targetList ?? []).flatMap((each) => as(each, 'ResTarget') ?? [])
  if (nodesIn(targets.map(({ val }) => val)).some((node) => as(node, 'FuncCall')?.over)) return outputs
  const groups = (select.groupClause ?? []).flatMap((each) => keyOf(each, scope)?.uses ?? [])
  const isGrouped = select.groupClause !== undefined
  for (const target of targets) {
    const column = as(target.val, 'ColumnRef')
    if (!column) continue
    const parts = words(column.fields)
    if (parts.at(-1) === '*') {
      const alias = parts.at(-2)
      for (const item of scope.items) {
        if (alias !== undefined && item.alias !== alias) continue
        for (const [name, uses] of item.outputs) add(outputs, name, uses)
      }
      continue
    }
    const found = keyOf(target.val, scope)
    if (!found || (isGrouped && !found.uses.every((use) => groups.includes(use)))) continue
    add(outputs, target.name ?? parts.at(-1) ?? '', found.uses)
  }
  return outputs
}

function add(outputs: Outputs, name: string, uses: readonly KeyUse[]): void {
  outputs.set(name, [...(outputs.get(name) ?? []), ...uses])
}

/** The names are those of the left arm; the right arm's columns are matched by their place where both are listed. */
function bothArms(select: SelectStmt, left: Outputs, right: Outputs): Outputs {
  const names = (arm: SelectStmt | undefined): string[] =>
    (arm?.targetList ?? []).map((each) => {
      const target = as(each, 'ResTarget')
      return target?.name ?? words(as(target?.val, 'ColumnRef')?.fields ?? []).at(-1) ?? ''
    })
  const ofLeft = names(select.larg)
  const ofRight = names(select.rarg)
  const both: Outputs = new Map(left)
  for (const [name, uses] of right) {
    const place = ofRight.indexOf(name)
    add(both, (place >= 0 ? ofLeft[place] : undefined) ?? name, uses)
  }
  return both
}
