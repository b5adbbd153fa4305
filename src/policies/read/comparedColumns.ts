import type { Node, SelectStmt } from '../../syntax/nodes.ts'
import { as, conjuncts, disjuncts, kindOf, nodesIn, words } from '../../syntax/nodes.ts'

/** A comparison in a policy: one side depends on the row, the other is the same for every row. */
export interface Comparison {
  /** The row's side: a column, or an expression of the row. */
  key: Node
  /** The column's name, if the key is a plain column. */
  column?: string
  /** The kind of index that finds it: `btree` for equality, `gin` for `@>` and `&&`. */
  method: 'btree' | 'gin'
  /** The conditions that are AND-ed with it; a partial index on the rows that meet them is good enough. */
  conditions: readonly Node[]
}

/** Whether a function may answer differently at each call: an index cannot be searched for what it returns. */
export type IsVolatile = (name: string[]) => boolean

/** How the rows that a predicate lets in can be found without reading all of them. */
export type Access =
  /** By indexes on all of these keys together. */
  | { kind: 'keys'; keys: Comparison[] }
  /** Not at all: each part in `because` lets rows in that no index finds. `keys` would serve the other parts. */
  | { kind: 'scan'; because: Node[]; keys: Comparison[] }

export interface AccessOptions {
  table: string
  isVolatile: IsVolatile
  /** Whether there is an index for it already: a conjunction is served in the way that needs the fewest new indexes. */
  isIndexed: (comparison: Comparison) => boolean
  /** The column's name, if the key is a column, or a cast of one that an index on the column serves too. */
  columnOf: (key: Node) => string | undefined
}

/**
 * The keys that indexes would have to lead on. Every arm of a disjunction needs an index; for a conjunction one is enough.
 *
 * `a = f() OR (b = f() AND c)` -> `a` and `b`; `a = f() OR is_admin()` -> a scan, because of `is_admin()`.
 * Constants do not count: the rows with `status = 'open'` do not depend on the user.
 */
export function accessTo(predicate: Node, options: AccessOptions, conditions: readonly Node[] = []): Access {
  const arms = disjuncts(predicate)
  if (arms.length > 1) return everyArm(arms.map((arm) => accessTo(arm, options, conditions)))
  const parts = conjuncts(predicate)
  if (parts.length > 1) {
    const ways = parts.map((part) => accessTo(part, options, [...conditions, ...parts]))
    const served = ways.filter(({ kind }) => kind === 'keys')
    const missing = ({ keys }: Access): number => keys.filter((key) => !options.isIndexed(key)).length
    const [best] = served.sort((one, other) => missing(one) - missing(other))
    return best ?? { kind: 'scan', because: [predicate], keys: ways.flatMap(({ keys }) => keys) }
  }
  if (isFalse(predicate)) return { kind: 'keys', keys: [] }
  const equal = keyOf(predicate, options)
  const key = equal ?? containerOf(predicate, options)
  if (!key) return { kind: 'scan', because: [predicate], keys: [] }
  const column = options.columnOf(key)
  const method = equal ? 'btree' : 'gin'
  return { kind: 'keys', keys: [{ key, method, conditions, ...(column === undefined ? {} : { column }) }] }
}

function isFalse(predicate: Node): boolean {
  const constant = as(predicate, 'A_Const')
  return constant?.boolval !== undefined && constant.boolval.boolval !== true
}

function everyArm(arms: Access[]): Access {
  const keys = arms.flatMap((arm) => arm.keys)
  const because = arms.flatMap((arm) => (arm.kind === 'scan' ? arm.because : []))
  return because.length > 0 ? { kind: 'scan', because, keys } : { kind: 'keys', keys }
}

/** The row's side of a comparison with something that is the same for the whole statement. */
function keyOf(part: Node, { table, isVolatile }: AccessOptions): Node | undefined {
  const operator = as(part, 'A_Expr')
  if (!operator?.lexpr || !operator.rexpr || words(operator.name).at(-1) !== '=') return undefined
  const isSame = sameForEveryRow(table, isVolatile)
  const isAny = operator.kind === 'AEXPR_OP_ANY'
  if (operator.kind !== 'AEXPR_OP' && !isAny) return undefined
  if (isSame(operator.rexpr) && readsOnlyRow(operator.lexpr)) return operator.lexpr
  if (!isAny && isSame(operator.lexpr) && readsOnlyRow(operator.rexpr)) return operator.rexpr
  return undefined
}

/** The column of arrays or JSON that is searched for what is the same for the whole statement: `member_ids @> ARRAY[auth.uid()]`. */
function containerOf(part: Node, { table, isVolatile }: AccessOptions): Node | undefined {
  const { kind, name, lexpr, rexpr } = as(part, 'A_Expr') ?? {}
  if (kind !== 'AEXPR_OP' || !lexpr || !rexpr) return undefined
  const sign = words(name ?? []).at(-1)
  const isSame = sameForEveryRow(table, isVolatile)
  if ((sign === '@>' || sign === '&&') && columnOf(lexpr) !== undefined && isSame(rexpr)) return lexpr
  if ((sign === '<@' || sign === '&&') && columnOf(rexpr) !== undefined && isSame(lexpr)) return rexpr
  return undefined
}

function sameForEveryRow(table: string, isVolatile: IsVolatile): (side: Node) => boolean {
  return (side) => !readsRow(side, table) && isQuestion(side) && !calls(side, isVolatile)
}

/** `owner` -> `owner`; anything more than a column -> undefined. */
export function columnOf(key: Node): string | undefined {
  const reference = as(key, 'ColumnRef')
  if (!reference) return undefined
  const column = words(reference.fields).at(-1)
  return column === '*' ? undefined : column
}

/** An expression over columns of the row, without a sub-select: what an index can be made on. */
function readsOnlyRow(node: Node): boolean {
  let columns = 0
  for (const found of nodesIn(node)) {
    const kind = kindOf(found)
    if (kind === 'SubLink' || kind === 'A_Star') return false
    if (kind === 'ColumnRef') columns += 1
  }
  return columns > 0
}

/** Whether the value depends on the session: it has a call, a sub-select or `current_user`. */
function isQuestion(node: Node): boolean {
  for (const found of nodesIn(node)) {
    if (['FuncCall', 'SubLink', 'SQLValueFunction'].includes(kindOf(found))) return true
  }
  return false
}

function calls(node: Node, wanted: IsVolatile): boolean {
  for (const found of nodesIn(node)) {
    const call = as(found, 'FuncCall')
    if (call && wanted(words(call.funcname))) return true
  }
  return false
}

/**
 * Whether the expression reads a column of the policy's own table. PostgreSQL prints such a column bare, and in a
 * sub-select with the table's name. If a relation in the sub-select has the same name, PostgreSQL prints it with an alias.
 */
export function readsRow(node: Node, table: string): boolean {
  return reads(node, table, false)
}

function reads(value: unknown, table: string, inSelect: boolean): boolean {
  if (Array.isArray(value)) return value.some((item) => reads(item, table, inSelect))
  if (typeof value !== 'object' || value === null) return false
  const reference = as(value as Node, 'ColumnRef')
  if (reference) {
    const parts = words(reference.fields)
    return inSelect ? parts.length > 1 && parts.at(-2) === table : true
  }
  return Object.entries(value).some(([key, child]) => reads(child, table, inSelect || key === 'subselect'))
}

/** A table that a sub-select of a predicate reads, and the columns that it compares. */
export interface LookedUp {
  schema: string
  table: string
  /** Compared with the row's columns or with the user; an index on one of them finds the rows. */
  columns: string[]
}

/**
 * The tables in the sub-selects of a predicate, each with the columns compared for equality in the WHERE of a
 * select from that table alone: `EXISTS (SELECT 1 FROM members m WHERE m.team = t.team)` -> members, team.
 */
export function tablesLookedInto(predicate: Node): LookedUp[] {
  const found: LookedUp[] = []
  for (const node of nodesIn(predicate)) {
    const select = as(as(node, 'SubLink')?.subselect, 'SelectStmt')
    const looked = select && lookedUpBy(select)
    if (looked && looked.columns.length > 0) found.push(looked)
  }
  return found
}

function lookedUpBy({ fromClause = [], whereClause }: SelectStmt): LookedUp | undefined {
  const [from, ...more] = fromClause
  const relation = as(from, 'RangeVar')
  if (!relation?.schemaname || more.length > 0 || !whereClause) return undefined
  const alias = relation.alias?.aliasname ?? relation.relname
  const columns = conjuncts(whereClause).flatMap((part) => {
    const operator = as(part, 'A_Expr')
    if (!operator?.lexpr || !operator.rexpr || words(operator.name).at(-1) !== '=') return []
    if (operator.kind !== 'AEXPR_OP') return []
    const [left, right] = [ownColumn(operator.lexpr, alias), ownColumn(operator.rexpr, alias)]
    if ((left === undefined) === (right === undefined)) return []
    const other = left === undefined ? operator.lexpr : operator.rexpr
    return (as(other, 'A_Const') ?? as(as(other, 'TypeCast')?.arg, 'A_Const')) ? [] : [left ?? right ?? '']
  })
  return { schema: relation.schemaname, table: relation.relname, columns }
}

function ownColumn(node: Node, alias: string): string | undefined {
  const parts = words(as(node, 'ColumnRef')?.fields ?? [])
  return parts.length === 2 && parts[0] === alias && parts[1] !== '*' ? parts[1] : undefined
}
