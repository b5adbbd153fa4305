import type { Database } from '../../postgres/database.ts'
import { shared } from './shared.ts'
import { listBuiltinTypes } from '../../catalog/types.ts'
import { call } from '../../syntax/build.ts'
import { canonical, parseTypeName, sameTree, wrappedIn } from '../../syntax/expression.ts'
import type { Node, SelectStmt, TypeName } from '../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../syntax/nodes.ts'
import { replaceNodes } from '../../syntax/replaceNodes.ts'
import { fieldsOf, isRecord } from '../../syntax/walk.ts'
import { mayComeEarlier } from '../read/armOrder.ts'
import { claimReaders, reachesCalls } from '../read/claimReaders.ts'
import { newlyAtOnce, whyExposed } from '../read/exposed.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { claimFunctionBehind, functionWithoutArguments } from '../read/claimFunctions.ts'
import { firstOf } from '../read/firstOf.ts'
import { readFunctions } from '../read/functionCatalog.ts'
import { Hazards } from '../read/hazards.ts'
import { judgeVolatile } from './judgeVolatile.ts'
import type { Reach } from '../read/reach.ts'
import { readReach, readSelectPolicies } from '../read/reach.ts'
import type { KnownNames } from '../read/searchPath.ts'
import { otherSettingOf, searchPathOf, whyPathMatters } from '../read/searchPath.ts'
import { findTablesNamed } from '../read/tableCatalog.ts'
import type { CallFields } from './bodies.ts'
import { callOf, onlyResult } from './bodies.ts'
import type { KnownBody, MembershipContext } from './membershipStructure.ts'
import { withMemberships } from './membershipStructure.ts'
import type { Subject } from './subject.ts'
import { unique } from '../../unique.ts'

/** Compares trees by what they say, and not by how often PostgreSQL would call a function. */
export interface Structure {
  /**
   * Whether the trees are the same but for calls that are wrapped in a scalar sub-select on one side:
   * `auth.uid()` and `(SELECT auth.uid() AS uid)`, `f()` and `(SELECT f())::uuid[]` where `f` returns `uuid[]`.
   * Only calls count that read nothing of the row, and VOLATILE ones only if what they read does not change while a
   * command runs, so that the answer is proven: see `VolatileFunctions`.
   * So are memberships of a column that are turned round: see `withMemberships`. A PL/pgSQL function that only returns
   * `auth.uid()` is the same as that: see `claimFunctionBehind`.
   */
  isSame(one: Node | undefined, other: Node | undefined): boolean
  /**
   * The same, where `after` may also have the arms of an OR in another order. An arm that comes earlier than before must
   * not raise an error: see `mayComeEarlier`.
   */
  isSameInAnyOrder(before: Node | undefined, after: Node | undefined): boolean
  /**
   * VOLATILE functions that are not called in the same places of both trees, with the reason why that matters: within a
   * sub-select they would be called once per statement and no more for each row.
   */
  movedVolatile(one: Node | undefined, other: Node | undefined): { name: string; why: string }[]
  /** How errors could come up that nobody meets today, since a part would be evaluated at once: see `newlyAtOnce`. */
  newErrors(one: Node | undefined, other: Node | undefined): string[]
  /** Whether a unique key sees to it that the query finds one row at most: see `Hazards`. */
  findsOneAtMost(select: SelectStmt): boolean
  /** The tree with calls such as `private.current_user_id()` written as the `auth.uid()` that they return. */
  withoutTwins<T>(tree: T): T
  /** Whether the expression calls a function that is declared VOLATILE, which the planner does not run. */
  callsVolatile(tree: unknown): boolean
  /** Whether the expression is made of constants and what the session's settings say of the caller. */
  readsOnlySettings(tree: Node): boolean
  /** Calls that tell who is calling: `"auth"."uid"()`. */
  claimReaders: string[]
  /** Keys that are read of JSON values, such as the claims, and settings of the application's own. */
  claimKeys: string[]
  settings: string[]
  /** Whether evaluating the expression may come to one of the calls, in a function, view or policy that it reaches. */
  reaches(tree: Node, calls: string[]): boolean
}

/** Reads from the catalog what it needs of the functions that the trees call. */
export async function readStructure(db: Database, subject: Subject, trees: Node[]): Promise<Structure> {
  const reach = await readReachOf(db, trees)
  const hazards = new Hazards(reach)
  const readers = claimReaders(reach, hazards)
  const reaches = reachesCalls(reach)
  const names = { reach, isBuiltinType: await readBuiltinTypes(db) }
  const whyPerRow = await judgeVolatile(db, subject, reach)
  const known = await readKnownBodies(reach, whyPerRow)
  const types = await parseReturnTypes(reach)
  const own = (call: CallFields): CatalogFunction[] => {
    const { schema, name } = callOf(call)
    return (reach.byName.get(name) ?? []).filter((each) => (schema ?? each.schema) === each.schema)
  }
  const builtin = (call: CallFields) => {
    const { schema, name } = callOf(call)
    return (schema ?? 'pg_catalog') === 'pg_catalog' ? reach.functions.builtin.get(name) : undefined
  }
  const isSteady = (call: CallFields) => {
    const [found, server] = [own(call), builtin(call)]
    if ((found.length === 0 && !server) || isAggregateOrWindow(call)) return false
    return (
      found.every((each) => each.kind === 'f' && !each.returnsSet && !whyPerRow.has(each.oid)) &&
      (!server || (server.isOrdinary && !server.returnsSet && server.volatility !== 'volatile'))
    )
  }
  const returns = (call: CallFields) =>
    [
      ...own(call).map(({ returnType }) => returnType),
      ...(builtin(call) ? [builtin(call)?.returnType ?? ''] : []),
    ].map((type) => types.get(type))
  const withoutTwins = twinReplacer(names)
  const normal = (tree: unknown) => unwrap(withoutTwins(tree), isSteady, returns)
  const environments = new Map<number, string>()
  const context: MembershipContext = {
    table: subject.table.name,
    columnType: (name) =>
      subject.columns.find((column) => column.name === name && !column.isNondeterministic)?.type,
    functionOf: (call) => {
      const [only, ...more] = own(call)
      return more.length === 0 && only && !builtin(call) && !isAggregateOrWindow(call)
        ? known.get(only.oid)
        : undefined
    },
    isColumn: (from, name) =>
      Array.from(fieldsOf(from, 'RangeVar')).some(({ schemaname, relname }) =>
        (reach.relations.get(String(relname)) ?? []).some(
          (each) =>
            each.schema === (schemaname ?? each.schema) &&
            each.columns.some((column) => column.name === name),
        ),
      ),
    environmentOf: ({ oid }) => {
      const called = reach.byName.size > 0 ? findByOid(reach, oid) : undefined
      if (!called) return undefined
      const environment =
        environments.get(oid) ??
        (whyPathMatters(called, names) === undefined
          ? 'any'
          : JSON.stringify(searchPathOf(called) ?? 'caller'))
      environments.set(oid, environment)
      return environment
    },
    isFreeOfErrors: (query, rights) =>
      hazards.of(query, ['', 'inline'].includes(rights) ? undefined : rights) === undefined,
    isPlainEquality: !reach.functions.openOperators.has('='),
    normal,
    isIndependent: (tree) => isIndependent(tree, isSteady) && hazards.readsOnlySettings(tree),
    isSteady: (tree) => Array.from(fieldsOf(tree, 'FuncCall')).every(isSteady),
  }
  const canonicalTree = (tree: Node) => normal(withMemberships(normal(tree) as Node, context))
  const isSame = (one: Node | undefined, other: Node | undefined): boolean =>
    one === undefined || other === undefined
      ? one === other
      : sameTree(normal(one), normal(other)) || sameTree(canonicalTree(one), canonicalTree(other))
  return {
    isSame,
    isSameInAnyOrder: (before, after) => {
      if (!before || !after) return before === after
      const today = withoutTwins(before)
      const order = { before: today, hazards, asksCaller: (tree: Node) => reaches(tree, readers) }
      return isSameInOrder(before, after, isSame, (arm, passed) =>
        mayComeEarlier(withoutTwins(arm), passed, order),
      )
    },
    movedVolatile: (one, other) => {
      const why = (call: CallFields) =>
        firstOf(own(call), ({ oid }) => whyPerRow.get(oid)) ??
        (builtin(call)?.volatility === 'volatile' ? 'it is VOLATILE by nature' : undefined)
      const before = volatileCalls(one, why)
      const after = volatileCalls(other, why)
      const count = (calls: VolatileCall[], place: string) =>
        calls.filter((each) => each.place === place).length
      const moved = [...before, ...after].filter(({ place }) => count(before, place) !== count(after, place))
      return unique(moved.map(({ name, why }) => ({ name, why })))
    },
    newErrors: (one, other) =>
      one && other ? newErrors(withoutTwins(one), withoutTwins(other), hazards) : [],
    findsOneAtMost: (select) => hazards.findsOneAtMost(select),
    withoutTwins,
    callsVolatile: (tree) => hazards.callsVolatile(tree),
    readsOnlySettings: (tree) => hazards.readsOnlySettings(tree),
    claimReaders: readers,
    ...namesRead([...trees, ...Array.from(reach.bodies.values(), ({ parts }) => parts)]),
    reaches,
  }
}

/** `auth.jwt() ->> 'level'` reads the key `level`, `current_setting('app.tenant', true)` the setting `app.tenant`. */
function namesRead(trees: unknown): Pick<Structure, 'claimKeys' | 'settings'> {
  const claimKeys = new Set<string>()
  const settings = new Set<string>()
  for (const node of nodesIn(trees)) {
    const operator = as(node, 'A_Expr')
    const isPath = ['->', '->>'].includes(words(operator?.name ?? []).at(-1) ?? '')
    const key = isPath ? textOf(operator?.rexpr) : undefined
    if (key !== undefined) claimKeys.add(key)
    const call = as(node, 'FuncCall')
    const isSetting = words(call?.funcname ?? []).at(-1) === 'current_setting'
    const setting = isSetting ? textOf(call?.args?.[0]) : undefined
    if (setting?.includes('.') && !setting.startsWith('request.jwt.')) settings.add(setting)
  }
  return { claimKeys: [...claimKeys], settings: [...settings] }
}

function textOf(node: Node | undefined): string | undefined {
  const constant = as(node, 'A_Const') ?? as(as(node, 'TypeCast')?.arg, 'A_Const')
  return constant?.sval?.sval
}

/** Follows AND and OR from the top; each arm of an OR has one arm of the other tree. */
function isSameInOrder(
  before: Node,
  after: Node,
  isSame: (one: Node, other: Node) => boolean,
  mayMove: (arm: Node, passed: Node[]) => boolean,
): boolean {
  if (isSame(before, after)) return true
  const [old, now] = [as(before, 'BoolExpr'), as(after, 'BoolExpr')]
  if (!old || !now || old.boolop !== now.boolop || old.args.length !== now.args.length) return false
  const isSameArm = (one: Node, other: Node | undefined): boolean =>
    other !== undefined && isSameInOrder(one, other, isSame, mayMove)
  if (old.boolop === 'AND_EXPR') return old.args.every((arm, at) => isSameArm(arm, now.args[at]))
  if (old.boolop !== 'OR_EXPR') return false
  const places: number[] = []
  for (const arm of now.args) {
    const place = old.args.findIndex((each, at) => !places.includes(at) && isSameArm(each, arm))
    if (place < 0) return false
    places.push(place)
  }
  return now.args.every((arm, at) => {
    const passed = now.args.filter((_, other) => other > at && (places[other] ?? 0) < (places[at] ?? 0))
    return passed.length === 0 || mayMove(arm, passed)
  })
}

function newErrors(before: Node, after: Node, hazards: Hazards): string[] {
  // A long predicate asks the same many times.
  const parts = new Map(newlyAtOnce(before, after).map((part) => [canonical(part), part]))
  return Array.from(parts.values()).flatMap((part) => whyErrors(part, before, hazards) ?? [])
}

/** Replaces the calls of functions that only return what a function such as `auth.uid()` returns. */
function twinReplacer(names: KnownNames): <T>(tree: T) => T {
  const behind = new Map<CatalogFunction, CatalogFunction | undefined>()
  return (tree) =>
    replaceNodes(tree, (node) => {
      const called = as(node, 'FuncCall')
      const twin = called && functionWithoutArguments(called, names.reach)
      if (!twin) return undefined
      const found = behind.has(twin) ? behind.get(twin) : claimFunctionBehind(twin, names)
      behind.set(twin, found)
      return found && call([found.schema, found.name])
    })
}

/** A wrapped call may have been asked first anyway; a set of keys never was. */
function whyErrors(part: Node, before: Node, hazards: Hazards): string | undefined {
  const call = wrappedIn(part)
  if (!call || hasSet(call)) return hazards.of(part)?.what
  return whyExposed(nodesIn(before).find((node) => sameTree(node, call)) ?? call, before, hazards)
}

function hasSet(tree: Node): boolean {
  return !fieldsOf(tree, 'SelectStmt').next().done
}

/** The tree with every `(SELECT call)` that reads nothing of the row written as the call itself. */
function unwrap(
  value: unknown,
  isSteady: (call: CallFields) => boolean,
  returns: (call: CallFields) => (TypeName | undefined)[],
): unknown {
  if (Array.isArray(value)) return value.map((item) => unwrap(item, isSteady, returns))
  if (!isRecord(value)) return value
  const bare = wrappedIn(value)
  if (bare && isIndependent(bare, isSteady)) return unwrap(bare, isSteady, returns)
  const cast = as(value, 'TypeCast')
  if (cast && isRecord(cast.arg)) {
    const inner = wrappedIn(cast.arg)
    const call = inner && as(inner, 'FuncCall')
    const types = call ? returns(call) : []
    // The cast says of the sub-select what the function returns anyway: = ANY needs to be told.
    if (
      inner &&
      isIndependent(inner, isSteady) &&
      types.length > 0 &&
      types.every((type) => sameTree(type, cast.typeName))
    )
      return unwrap(inner, isSteady, returns)
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, unwrap(child, isSteady, returns)]),
  )
}

function isIndependent(tree: Node, isSteady: (call: CallFields) => boolean): boolean {
  for (const kind of ['ColumnRef', 'ParamRef', 'GroupingFunc', 'SetToDefault'])
    if (!fieldsOf(tree, kind).next().done) return false
  return Array.from(fieldsOf(tree, 'FuncCall')).every(isSteady)
}

function isAggregateOrWindow(call: CallFields): boolean {
  return ['agg_star', 'agg_distinct', 'agg_filter', 'agg_order', 'agg_within_group', 'over'].some(
    (field) => field in call,
  )
}

interface VolatileCall {
  name: string
  /** Why it must be called for every row. */
  why: string
  /** The name and the number of sub-selects around the call. */
  place: string
}

/** Every call of a function that must be called for every row. */
function volatileCalls(
  tree: Node | undefined,
  whyPerRow: (call: CallFields) => string | undefined,
): VolatileCall[] {
  const found: VolatileCall[] = []
  const visit = (value: unknown, depth: number): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, depth)
      return
    }
    if (!isRecord(value)) return
    const call = value['FuncCall']
    const why = isRecord(call) ? whyPerRow(call) : undefined
    if (isRecord(call) && why !== undefined) {
      const { name } = callOf(call)
      found.push({ name, why, place: JSON.stringify([depth, name]) })
    }
    const inner = 'SubLink' in value ? depth + 1 : depth
    for (const child of Object.values(value)) visit(child, inner)
  }
  visit(tree, 0)
  return found
}

async function readReachOf(db: Database, trees: Node[]): Promise<Reach> {
  return readReach(
    db,
    await shared(db)(readFunctions),
    { trees, called: [] },
    {
      named: (names) => findTablesNamed(db, names),
      policiesOf: (tables) => readSelectPolicies(db, tables),
    },
  )
}

async function readBuiltinTypes(db: Database): Promise<(name: string) => boolean> {
  const types = await shared(db)(listBuiltinTypes)
  return (name) => types.has(name)
}

function findByOid({ byName }: Reach, oid: number): CatalogFunction | undefined {
  return firstOf(byName.values(), (functions) => functions.find((each) => each.oid === oid))
}

/** The bodies that can be compared with a query: of one expression or query, and without settings but a path. */
async function readKnownBodies(
  { byName }: Reach,
  whyPerRow: ReadonlyMap<number, string>,
): Promise<Map<number, KnownBody>> {
  const known = new Map<number, KnownBody>()
  for (const each of [...byName.values()].flat()) {
    const { oid, kind } = each
    const isReadable = kind === 'f' && !whyPerRow.has(oid) && otherSettingOf(each) === undefined
    known.set(oid, {
      ...each,
      rights: each.isSecurityDefiner ? each.owner : '',
      body: isReadable ? await onlyResult(each) : undefined,
      typeNames: await Promise.all(
        each.argumentTypes.map((type) => parseTypeName(type).catch(() => undefined)),
      ),
    })
  }
  return known
}

async function parseReturnTypes({ byName, functions }: Reach): Promise<Map<string, TypeName>> {
  const names = [...byName.keys()]
  const types = new Set([
    ...[...byName.values()].flat().map(({ returnType }) => returnType),
    ...names.flatMap((name) => functions.builtin.get(name)?.returnType ?? []),
  ])
  const parsed = new Map<string, TypeName>()
  for (const type of types) {
    const typeName = await parseTypeName(type).catch(() => undefined)
    if (typeName) parsed.set(type, typeName)
  }
  return parsed
}
