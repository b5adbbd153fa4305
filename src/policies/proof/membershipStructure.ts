import { conjunction, scalarSubselect } from '../../syntax/build.ts'
import { canonical } from '../../syntax/expression.ts'
import type { FuncCall, Node, RangeVar, SelectStmt, TypeName } from '../../syntax/nodes.ts'
import { as, conjuncts, words } from '../../syntax/nodes.ts'
import { replaceNodes } from '../../syntax/replaceNodes.ts'
import { fieldsOf, isRecord, nameParts, walk } from '../../syntax/walk.ts'
import { withoutLimit } from '../read/membershipBody.ts'
import { comparedWithTrue } from '../read/positiveContext.ts'
import { Unclear } from '../read/queryColumns.ts'
import { isComparedAlike } from '../read/typeNames.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { CallFields } from './bodies.ts'

/** A function as far as it can be compared with a query. */
export interface KnownBody extends Pick<
  CatalogFunction,
  'oid' | 'name' | 'argumentTypes' | 'argumentNames' | 'isStrict' | 'returnsSet' | 'returnType'
> {
  /** Its rights: the owner where it is SECURITY DEFINER, empty where the caller's rights count. */
  rights: string
  /** The types of its arguments, as casts name them; undefined for a type that no cast can name. */
  typeNames: (TypeName | undefined)[]
  /** The one expression or query that it returns; undefined where it does more, or must be called for every row. */
  body: Node | undefined
}

/** What the comparison has to know. */
export interface MembershipContext {
  /** The table of the policy, with its columns' types. */
  table: string
  columnType(name: string): string | undefined
  /** The function that the call means, where there is only one. */
  functionOf(call: CallFields): KnownBody | undefined
  /** Whether a relation of that FROM has such a column, which in a SQL function goes before a parameter. */
  isColumn(from: unknown, name: string): boolean
  /**
   * Where the names of a body are looked for: the same text for functions in which a name means the same; `any` where
   * everything that it comes to is named with its schema.
   */
  environmentOf(called: KnownBody): string | undefined
  /** Whether the query, run as one whole with these rights, cannot end with an error. */
  isFreeOfErrors(query: Node, rights: string): boolean
  /** Whether = of PostgreSQL's own types is PostgreSQL's own wherever it is looked for. */
  isPlainEquality: boolean
  /** The tree without what does not matter: wraps of steady calls. */
  normal(tree: unknown): unknown
  /** Whether the tree is made of constants and steady calls. */
  isIndependent(tree: Node): boolean
  /** Whether everything that the tree calls is known and may be called once per statement. */
  isSteady(tree: unknown): boolean
}

/** `column is among these keys`, however it is written. */
interface Membership {
  test: Node
  key: Node
  select: SelectStmt
  /** Conditions beside key = column. */
  conditions: Node[]
  rights: string
  environment: string
}

/**
 * A tree in which memberships that let the same rows pass look the same, where only passing counts: at the top, and
 * below AND and OR. There NULL and false are one, and these say the same of a row:
 *
 * ```sql
 * is_member(org_id)            -- SELECT EXISTS (SELECT FROM members m WHERE m.org_id = $1 AND m.user_id = auth.uid())
 * org_id = ANY (ARRAY(SELECT ids()))                     -- ids: SELECT m.org_id FROM members m WHERE m.user_id = ...
 * org_id = ANY ((SELECT all_ids())::uuid[])              -- all_ids: ARRAY(SELECT m.org_id FROM members m WHERE ...)
 * org_id IN (SELECT unnest(all_ids()))
 * org_id IN (SELECT m.org_id FROM members m WHERE ...)   -- and EXISTS (... m.org_id = t.org_id ...)
 * ```
 *
 * Whatever is not certain stays as it is, and then counts as different.
 */
export function withMemberships(tree: Node, context: MembershipContext): Node {
  const connective = as(tree, 'BoolExpr')
  if (connective && connective.boolop !== 'NOT_EXPR') {
    const args = connective.args.map((argument) => withMemberships(argument, context))
    return { BoolExpr: { ...connective, args } }
  }
  const asked = comparedWithTrue(tree)
  if (asked) return withMemberships(asked, context)
  const membership =
    calledMembership(tree, context) ?? existsMembership(tree, context) ?? listed(tree, context)
  const written = membership && write(membership, context)
  return written === undefined ? tree : { Membership: { written } }
}

/** `is_member(org_id)`, `has_role(org_id, 'owner')`: one argument is a column, the others are put into the body. */
function calledMembership(node: Node, context: MembershipContext): Membership | undefined {
  const call = as(node, 'FuncCall')
  const called = call && context.functionOf(call)
  const args = call?.args ?? []
  if (!called?.body || called.returnsSet || called.argumentTypes.length !== args.length) return undefined
  // A STRICT function says NULL as soon as any of its arguments is NULL.
  if (called.isStrict && args.length > 1) return undefined
  const [key, ...others] = args.flatMap((argument, at) => (as(argument, 'ColumnRef') ? [at] : []))
  const test = key === undefined ? undefined : args[key]
  if (key === undefined || !test || others.length > 0) return undefined
  const type = ownColumnType(test, context)
  const environment = context.environmentOf(called)
  // With another type the argument would be cast, and = might be another operator.
  if (
    environment === undefined ||
    type === undefined ||
    !isComparedAlike(type, called.argumentTypes[key] ?? '')
  )
    return undefined
  const select = plainQuery(existsIn(called.body))
  const positionOf = (part: Node): number | undefined => {
    const numbered = as(part, 'ParamRef')
    if (numbered) return numbered.number - 1
    const names = words(as(part, 'ColumnRef')?.fields ?? [])
    const name = names.at(-1) ?? ''
    const isNamed =
      names.length === 1 ? !context.isColumn(select?.fromClause, name) : names[0] === called.name
    const at = isNamed && names.length <= 2 && name !== '' ? called.argumentNames.indexOf(name) : -1
    return at >= 0 && at < args.length ? at : undefined
  }
  let isClear = true
  const given = replaceNodes(select, (part) => {
    const at = positionOf(part)
    if (at === undefined || at === key) return undefined
    const [value, typeName] = [args[at], called.typeNames[at]]
    if (!value || !typeName || !context.isIndependent(context.normal(value) as Node)) isClear = false
    if (!value || !typeName) return part
    // Wrapped, as a helper that is written for it has who is calling.
    return { TypeCast: { arg: as(value, 'FuncCall') ? scalarSubselect(value) : value, typeName } }
  })
  const found = isClear ? splitExists(given, (part) => positionOf(part) === key) : undefined
  return found && { ...found, test, rights: called.rights, environment }
}

/** `EXISTS (SELECT FROM members m WHERE m.org_id = t.org_id AND ...)` */
function existsMembership(node: Node, context: MembershipContext): Membership | undefined {
  const select = plainQuery(existsIn(node))
  if (!select || relationNames(select).includes(context.table)) return undefined
  let test: Node | undefined
  const isKey = (part: Node) => {
    const names = words(as(part, 'ColumnRef')?.fields ?? [])
    if (names.length !== 2 || names[0] !== context.table) return false
    test ??= part
    return true
  }
  const found = splitExists(select, isKey)
  return found && test && { ...found, test, rights: 'inline', environment: 'any' }
}

/** `org_id = ANY (ARRAY(SELECT ...))` and `org_id IN (SELECT ...)`, with the query there or in a function. */
function listed(node: Node, context: MembershipContext): Membership | undefined {
  const operator = as(node, 'A_Expr')
  const link = as(node, 'SubLink')
  const isAny = operator?.kind === 'AEXPR_OP_ANY' && words(operator.name).join('.') === '='
  const isIn = link?.subLinkType === 'ANY_SUBLINK' && (link.operName ?? []).length === 0
  const test = isAny ? operator.lexpr : isIn ? link.testexpr : undefined
  const type = test && ownColumnType(test, context)
  if (!test || type === undefined) return undefined
  const query = isIn ? as(link.subselect, 'SelectStmt') : inArray(operator?.rexpr)
  const value = query ? onlyTarget(query) : operator?.rexpr
  const call = value && as(value, 'FuncCall')
  if (query && (!call || query.fromClause))
    return { ...keysOf(query), test, rights: 'inline', environment: 'any' }
  if (!call) return undefined
  const array = query ? unnested(call) : call
  const called = context.functionOf(array ?? call)
  if (!called?.body || called.argumentTypes.length > 0 || called.returnsSet === (array !== undefined))
    return undefined
  const keys = array ? inArray(called.body) : as(called.body, 'SelectStmt')
  const keyType = array ? called.returnType.replace(/\[\]$/, '') : called.returnType
  const environment = context.environmentOf(called)
  if (!keys || environment === undefined || !isComparedAlike(keyType, type)) return undefined
  return { ...keysOf(keys), test, rights: called.rights, environment }
}

/** The query of `ARRAY(query)`, also as `SELECT ARRAY(query)`. */
function inArray(node: Node | undefined): SelectStmt | undefined {
  const link = node && as(node, 'SubLink')
  if (link?.subLinkType === 'ARRAY_SUBLINK') return as(link.subselect, 'SelectStmt')
  const target = node && onlyTargetOfBare(node)
  return target && as(target, 'SubLink') ? inArray(target) : undefined
}

/** The call of `unnest(call)`. */
function unnested({ funcname, args = [] }: FuncCall): FuncCall | undefined {
  const [array, ...more] = args
  return shortName(funcname) === 'unnest' && array && more.length === 0 ? as(array, 'FuncCall') : undefined
}

/** `unnest` for `pg_catalog.unnest`; other schemas stay. */
function shortName(funcname: unknown): string {
  return nameParts(funcname)
    .join('.')
    .replace(/^pg_catalog\./, '')
}

function keysOf(query: SelectStmt): Pick<Membership, 'key' | 'select' | 'conditions'> {
  const key = onlyTarget(query) ?? {}
  const { distinctClause, ...all } = query
  // Which keys there are does not change with how often each is listed.
  const select = distinctClause?.every((node) => Object.keys(node).length === 0) ? all : query
  return { key, select, conditions: query.whereClause ? conjuncts(query.whereClause) : [] }
}

/** `EXISTS (query)`, also as `SELECT EXISTS (query)`. */
function existsIn(node: Node): SelectStmt | undefined {
  const link = as(node, 'SubLink')
  if (link?.subLinkType === 'EXISTS_SUBLINK') {
    const query = as(link.subselect, 'SelectStmt')
    // An aggregate has a row and a set has several, whatever the conditions say.
    return fieldsOf(query?.targetList, 'FuncCall').next().done ? query : undefined
  }
  const target = onlyTargetOfBare(node)
  return target && as(target, 'SubLink')?.subLinkType === 'EXISTS_SUBLINK' ? existsIn(target) : undefined
}

/** Without its order and LIMIT, which do not matter to EXISTS; undefined where more than FROM and WHERE is left. */
function plainQuery(select: SelectStmt | undefined): SelectStmt | undefined {
  try {
    return select && withoutLimit(select)
  } catch (error) {
    if (error instanceof Unclear) return undefined
    throw error
  }
}

/** Takes the one condition key = argument out of the query; nothing else in it may read the argument. */
function splitExists(
  select: SelectStmt | undefined,
  isKey: (node: Node) => boolean,
): Pick<Membership, 'key' | 'select' | 'conditions'> | undefined {
  if (!select?.whereClause) return undefined
  const holdsKey = (value: unknown) => Array.from(walk(value)).some(({ node }) => isKey(node))
  const conditions = conjuncts(select.whereClause)
  const reading = conditions.filter(holdsKey)
  const operator = reading.length === 1 && reading[0] ? as(reading[0], 'A_Expr') : undefined
  if (operator?.kind !== 'AEXPR_OP' || words(operator.name).join('.') !== '=') return undefined
  const { lexpr, rexpr } = operator
  const key = lexpr && isKey(lexpr) ? rexpr : rexpr && isKey(rexpr) ? lexpr : undefined
  if (!key || !as(key, 'ColumnRef') || holdsKey(key)) return undefined
  if (holdsKey(select.fromClause)) return undefined
  return { key, select, conditions: conditions.filter((each) => each !== reading[0]) }
}

function onlyTarget(select: SelectStmt): Node | undefined {
  const [target, ...more] = select.targetList ?? []
  return more.length === 0 && target ? as(target, 'ResTarget')?.val : undefined
}

/** The expression of `SELECT expression`. */
function onlyTargetOfBare(node: Node): Node | undefined {
  const select = as(node, 'SelectStmt')
  return select && !select.fromClause && !select.whereClause ? onlyTarget(select) : undefined
}

function ownColumnType(node: Node, context: MembershipContext): string | undefined {
  const names = words(as(node, 'ColumnRef')?.fields ?? [])
  const isOwn = names.length === 1 || (names.length === 2 && names[0] === context.table)
  return isOwn ? context.columnType(names.at(-1) ?? '') : undefined
}

/** Clauses of a query that do not change which keys there are. */
const harmless = ['targetList', 'fromClause', 'whereClause', 'limitOption', 'op']

/** The membership as a text in which every name is resolved; undefined where one cannot be. */
function write(membership: Membership, context: MembershipContext): string | undefined {
  const { test, key, select, conditions, rights, environment } = membership
  if (!context.isPlainEquality) return undefined
  if (Object.keys(select).some((clause) => !harmless.includes(clause))) return undefined
  const relations = new Map<string, string>()
  const joined = joinedIn(select.fromClause ?? [])
  for (const range of joined?.relations ?? []) {
    const found = [...(range.schemaname === undefined ? [] : [range.schemaname]), range.relname].join('.')
    const alias = range.alias?.aliasname ?? range.relname
    if (range.alias?.colnames || relations.has(alias)) return undefined
    relations.set(alias, found)
  }
  if (!joined) return undefined
  if (new Set(relations.values()).size !== relations.size || relations.size === 0) return undefined
  const parts = [key, ...conditions, ...joined.conditions].map((part) => context.normal(part))
  if (!context.isSteady([key, ...conditions, ...joined.conditions]) || parts.some((part) => hasQuery(part)))
    return undefined
  if (!context.isFreeOfErrors({ SelectStmt: { ...select, whereClause: conjunction(conditions) } }, rights))
    return undefined
  const resolved = parts.map((part) => resolve(part, relations))
  if (resolved.includes(undefined)) return undefined
  const [keyText, ...others] = resolved
  const column = words(as(test, 'ColumnRef')?.fields ?? []).at(-1)
  return JSON.stringify([column, keyText, others.sort(), [...relations.values()].sort(), rights, environment])
}

/** The tables of a FROM, and the conditions of its inner joins; undefined where there is anything else in it. */
function joinedIn(from: readonly Node[]): { relations: RangeVar[]; conditions: Node[] } | undefined {
  const relations: RangeVar[] = []
  const conditions: Node[] = []
  for (const item of from) {
    const range = as(item, 'RangeVar')
    const join = as(item, 'JoinExpr')
    if (range) relations.push(range)
    if (range) continue
    const isPlain = join?.jointype === 'JOIN_INNER' && !join.alias && join.quals && !('usingClause' in join)
    const sides = isPlain ? joinedIn([join.larg, join.rarg]) : undefined
    if (!sides || !join?.quals) return undefined
    relations.push(...sides.relations)
    conditions.push(...sides.conditions, ...conjuncts(join.quals))
  }
  return { relations, conditions }
}

/** Queries within are left alone: their names would have to be resolved too. */
function hasQuery(part: unknown): boolean {
  return fieldsOf(part, 'SubLink').next().done === false
}

function resolve(part: unknown, relations: Map<string, string>): string | undefined {
  let isClear = true
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit)
    if (!isRecord(value)) return value
    const reference = as(value, 'ColumnRef')
    if (reference) {
      const names = words(reference.fields)
      const [only] = relations.size === 1 ? [...relations.values()] : []
      const relation =
        names.length === 1 ? only : names.length === 2 ? relations.get(names[0] ?? '') : undefined
      if (relation === undefined) isClear = false
      return { column: [relation, names.at(-1)] }
    }
    const call = value['FuncCall']
    if (isRecord(call)) {
      return {
        call: [shortName(call['funcname']), visit(call['args'] ?? [])],
      }
    }
    const operator = value['A_Expr']
    // = with its sides turned is the same; other operators stay as they are.
    if (
      isRecord(operator) &&
      operator['kind'] === 'AEXPR_OP' &&
      nameParts(operator['name']).join('.') === '='
    ) {
      return { equal: [operator['lexpr'], operator['rexpr']].map((side) => canonical(visit(side))).sort() }
    }
    return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, visit(child)]))
  }
  const text = canonical(visit(part))
  return isClear ? text : undefined
}

/** Names under which the query's own relations are known. */
function relationNames(select: SelectStmt): string[] {
  return Array.from(fieldsOf(select.fromClause, 'RangeVar')).flatMap((range) => {
    const { relname, alias } = range as { relname?: string; alias?: { aliasname?: string } }
    return alias?.aliasname ?? relname ?? []
  })
}
