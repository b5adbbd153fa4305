import { sql } from 'kysely'
import type { Database } from '../../db/database.ts'
import { isBare, parseTypeName, sameTree } from '../../sql/expression.ts'
import type { Node, TypeName } from '../../sql/nodes.ts'
import { as } from '../../sql/nodes.ts'
import { fieldsOf, isRecord, nameParts } from '../../sql/walk.ts'
import type { RelationName } from '../../db/identifiers.ts'
import { callOf, onlyResult } from './bodies.ts'
import type { KnownBody, MembershipContext } from './membershipStructure.ts'
import { withMemberships } from './membershipStructure.ts'
import type { Subject } from './subject.ts'

/** What the catalog says of the functions of one name that a tree may call. */
interface KnownFunction {
  schema: string
  name: string
  /** Asked twice within a statement, it gives the same one value: a function, not VOLATILE, no set, no aggregate. */
  isSteady: boolean
  isVolatile: boolean
  returns: TypeName | undefined
  known: KnownBody
}

/** Compares trees by what they say, and not by how often PostgreSQL would call a function. */
export interface Structure {
  /**
   * Whether the trees are the same but for calls that are wrapped in a scalar sub-select on one side:
   * `auth.uid()` and `(SELECT auth.uid() AS uid)`, `f()` and `(SELECT f())::uuid[]` where `f` returns `uuid[]`.
   * Only calls that are no VOLATILE ones and read nothing of the row count, so that the answer is proven.
   * So are memberships of a column that are turned round: see `withMemberships`.
   */
  isSame(one: Node | undefined, other: Node | undefined): boolean
  /**
   * VOLATILE functions that are not called in the same places of both trees: within a sub-select they would be
   * called once per statement and no more for each row.
   */
  movedVolatile(one: Node | undefined, other: Node | undefined): string[]
}

/** Reads from the catalog what it needs of the functions that the trees call. */
export async function readStructure(
  db: Database,
  subject: Subject,
  trees: Node[],
  searchPath: string,
): Promise<Structure> {
  const called = await readFunctions(db, trees)
  // What a membership function calls has to be known as well.
  const bodies = called.flatMap(({ known }): Node[] => (known.body ? [known.body] : []))
  const names = new Set(called.map(({ name }) => name))
  const within = (await readFunctions(db, bodies)).filter(({ name }) => !names.has(name))
  const functions = [...called, ...within]
  const relations = await readRelations(db, [...trees, ...bodies])
  const named = (call: Record<string, unknown>) => {
    const { schema, name } = callOf(call)
    return functions.filter((each) => each.name === name && (schema ?? each.schema) === each.schema)
  }
  const isSteady = (call: Record<string, unknown>) => {
    const found = named(call)
    return found.length > 0 && found.every((each) => each.isSteady) && !isAggregateOrWindow(call)
  }
  const normal = (tree: unknown) =>
    unwrap(tree, isSteady, (call) => named(call).map(({ returns }) => returns))
  const context: MembershipContext = {
    table: subject.table.name,
    columnType: (name) => subject.columns.find((column) => column.name === name)?.type,
    functionOf: (call) => {
      const [only, ...more] = named(call)
      return more.length === 0 && !isAggregateOrWindow(call) ? only?.known : undefined
    },
    nameOf: (call) => {
      const found = new Set(named(call).map(({ schema, name }) => JSON.stringify([schema, name])))
      return found.size === 1 ? [...found][0] : undefined
    },
    relationOf: (schema, name, path) => {
      const found = relations.filter((each) => each.name === name)
      if (schema !== undefined)
        return found.some((each) => each.schema === schema) ? `${schema}.${name}` : undefined
      // Where only one schema has such a relation, and the path names it, there is no doubt.
      const [only, ...more] = found
      const isOnPath =
        only &&
        (path ?? searchPath).split(',').some((each) => each.trim().replaceAll('"', '') === only.schema)
      return only && more.length === 0 && isOnPath ? `${only.schema}.${name}` : undefined
    },
    normal,
    isSteady: (tree) => Array.from(fieldsOf(tree, 'FuncCall')).every(isSteady),
  }
  const canonicalTree = (tree: Node) => normal(withMemberships(normal(tree) as Node, context))
  return {
    isSame: (one, other) =>
      one === undefined || other === undefined
        ? one === other
        : sameTree(normal(one), normal(other)) || sameTree(canonicalTree(one), canonicalTree(other)),
    movedVolatile: (one, other) => {
      const isVolatile = (call: Record<string, unknown>) => named(call).some((each) => each.isVolatile)
      const before = volatileCalls(one, isVolatile)
      const after = volatileCalls(other, isVolatile)
      const count = (calls: VolatileCall[], place: string) =>
        calls.filter((each) => each.place === place).length
      const moved = [...before, ...after].filter(({ place }) => count(before, place) !== count(after, place))
      return [...new Set(moved.map(({ name }) => name))]
    },
  }
}

/** The tree with every `(SELECT call)` that reads nothing of the row written as the call itself. */
function unwrap(
  value: unknown,
  isSteady: (call: Record<string, unknown>) => boolean,
  returns: (call: Record<string, unknown>) => (TypeName | undefined)[],
): unknown {
  if (Array.isArray(value)) return value.map((item) => unwrap(item, isSteady, returns))
  if (!isRecord(value)) return value
  const bare = wrapped(value)
  if (bare && isIndependent(bare, isSteady)) return unwrap(bare, isSteady, returns)
  const cast = as(value, 'TypeCast')
  if (cast && isRecord(cast.arg)) {
    const inner = wrapped(cast.arg)
    const call = inner && as(inner, 'FuncCall')
    const types = call ? returns(call as unknown as Record<string, unknown>) : []
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

/** The expression in `(SELECT expression)` without FROM, WHERE or anything else. */
function wrapped(node: Record<string, unknown>): Node | undefined {
  const link = as(node, 'SubLink')
  if (link?.subLinkType !== 'EXPR_SUBLINK') return undefined
  const select = as(link.subselect, 'SelectStmt')
  if (!select || !isBare(select) || select.targetList?.length !== 1) return undefined
  return as(select.targetList[0], 'ResTarget')?.val
}

function isIndependent(tree: Node, isSteady: (call: Record<string, unknown>) => boolean): boolean {
  for (const kind of ['ColumnRef', 'ParamRef', 'GroupingFunc', 'SetToDefault'])
    if (!fieldsOf(tree, kind).next().done) return false
  return Array.from(fieldsOf(tree, 'FuncCall')).every(isSteady)
}

function isAggregateOrWindow(call: Record<string, unknown>): boolean {
  return ['agg_star', 'agg_distinct', 'agg_filter', 'agg_order', 'agg_within_group', 'over'].some(
    (field) => field in call,
  )
}

interface VolatileCall {
  name: string
  /** The name and the number of sub-selects around the call. */
  place: string
}

/** Every call of a VOLATILE function. */
function volatileCalls(
  tree: Node | undefined,
  isVolatile: (call: Record<string, unknown>) => boolean,
): VolatileCall[] {
  const found: VolatileCall[] = []
  const visit = (value: unknown, depth: number): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, depth)
      return
    }
    if (!isRecord(value)) return
    const call = value['FuncCall']
    if (isRecord(call) && isVolatile(call)) {
      const { name } = callOf(call)
      found.push({ name, place: JSON.stringify([depth, name]) })
    }
    const inner = 'SubLink' in value ? depth + 1 : depth
    for (const child of Object.values(value)) visit(child, inner)
  }
  visit(tree, 0)
  return found
}

async function readFunctions(db: Database, trees: Node[]): Promise<KnownFunction[]> {
  const names = new Set(
    trees.flatMap((tree) =>
      Array.from(fieldsOf(tree, 'FuncCall'), ({ funcname }) => nameParts(funcname).at(-1) ?? ''),
    ),
  )
  if (names.size === 0) return []
  const rows = await db
    .selectFrom('pg_catalog.pg_proc as function')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'function.pronamespace')
    .innerJoin('pg_catalog.pg_language as language', 'language.oid', 'function.prolang')
    .select([
      'namespace.nspname as schema',
      'function.proname as name',
      'function.provolatile as volatility',
      'function.proretset as returnsSet',
      'language.lanname as language',
      'function.prosrc as source',
      sql<boolean>`"function".prokind = 'f'`.as('isPlain'),
      sql<string>`pg_catalog.format_type("function".prorettype, NULL)`.as('type'),
      sql<string>`CASE WHEN "function".prosecdef THEN pg_catalog.pg_get_userbyid("function".proowner)::text ELSE '' END`.as(
        'rights',
      ),
      sql<string[]>`ARRAY(SELECT pg_catalog.format_type(t, NULL)
        FROM unnest("function".proargtypes::oid[]) WITH ORDINALITY AS a(t, n) ORDER BY n)`.as(
        'argumentTypes',
      ),
      sql<string[]>`coalesce("function".proargnames, '{}')`.as('argumentNames'),
      sql<string[]>`coalesce("function".proconfig, '{}')`.as('settings'),
      sql<string>`CASE WHEN "function".prokind = 'f' AND namespace.nspname <> 'pg_catalog'
        THEN pg_catalog.pg_get_functiondef("function".oid) ELSE '' END`.as('definition'),
    ])
    .where('function.proname', 'in', [...names])
    .execute()
  return Promise.all(
    rows.map(async (row) => {
      const { schema, name, volatility, isPlain, type, returnsSet, settings } = row
      const paths = settings.filter((each) => each.startsWith('search_path='))
      const isReadable =
        isPlain && volatility !== 'v' && schema !== 'pg_catalog' && settings.length === paths.length
      return {
        schema,
        name,
        isSteady: isPlain && !returnsSet && volatility !== 'v',
        isVolatile: volatility === 'v',
        returns: await parseTypeName(type).catch(() => undefined),
        known: {
          schema,
          name,
          rights: row.rights,
          argumentTypes: row.argumentTypes,
          argumentNames: row.argumentNames,
          returnsSet,
          returnType: type,
          body: isReadable ? await onlyResult(row.language, row.source, row.definition) : undefined,
          searchPath: paths[0]?.slice('search_path='.length),
        },
      }
    }),
  )
}

/** Relations with the names that the trees mention, in whatever schema. */
async function readRelations(db: Database, trees: Node[]): Promise<RelationName[]> {
  const names = new Set(
    trees.flatMap((tree) => Array.from(fieldsOf(tree, 'RangeVar'), ({ relname }) => String(relname))),
  )
  if (names.size === 0) return []
  return db
    .selectFrom('pg_catalog.pg_class as class')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'class.relnamespace')
    .select(['namespace.nspname as schema', 'class.relname as name'])
    .where('class.relname', 'in', [...names])
    .where('class.relkind', 'in', ['r', 'p', 'v', 'm', 'f'])
    .execute()
}
