import type { FuncCall, Node, TypeCast } from '../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../syntax/nodes.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { Reach } from './reach.ts'
import type { CatalogTable } from './tableCatalog.ts'

/** What is needed to decide whether a name can mean several things. */
export interface KnownNames {
  reach: Reach
  /** Whether the name is that of a built-in type and of no other. */
  isBuiltinType(name: string): boolean
}

/** The schemas of a function's `SET search_path`, in their order; undefined without one. `''` stands for no schema. */
export function searchPathOf({ settings }: Pick<CatalogFunction, 'settings'>): string[] | undefined {
  const path = settings['search_path']
  if (path === undefined) return undefined
  return Array.from(path.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g), (match) =>
    match[2] === undefined ? (match[1] ?? '').replaceAll('""', '"') : match[2],
  )
}

/** A setting other than the path that a function changes while it runs: `work_mem=64MB`. */
export function otherSettingOf({ settings }: Pick<CatalogFunction, 'settings'>): string | undefined {
  const [other] = Object.entries(settings).filter(([name]) => name !== 'search_path')
  return other?.join('=')
}

/**
 * Why the function could do something else, or fail, under another `search_path`. Undefined if every name in its body is
 * qualified or built-in, and the same holds for everything that it reaches that sets no path of its own.
 */
export function whyPathMatters(called: CatalogFunction, known: KnownNames): string | undefined {
  return whyFunction(called, known, new Set())
}

function whyFunction(called: CatalogFunction, known: KnownNames, seen: Set<number>): string | undefined {
  if (seen.has(called.oid)) return undefined
  seen.add(called.oid)
  const { reach } = known
  const shown = `${called.schema}.${called.name}()`
  const body = reach.bodies.get(called.oid)
  if (!body) return `${shown}: ${reach.unreadable.get(called.oid) ?? 'its body is not known'}`
  if (body.isDynamic) return `${shown} runs dynamic SQL`
  for (const type of body.variableTypes ?? []) {
    if (!isKnownVariableType(type, known))
      return `${shown} declares a variable of type ${type} without its schema`
  }
  const queries = new Set(
    Array.from(nodesIn(body.parts), (node) => as(node, 'CommonTableExpr')?.ctename ?? ''),
  )
  const columns = columnNames(body.parts)
  for (const node of nodesIn(body.parts)) {
    const reason = whyNode(node, queries, columns, known)
    if (reason !== undefined) return `${shown} ${reason}`
  }
  return whyWithin(body.parts, known, seen)
}

/** Follows calls, views and policies of tables. The names in views and policies themselves do not depend on the path. */
function whyWithin(trees: readonly unknown[], known: KnownNames, seen: Set<number>): string | undefined {
  const { reach } = known
  for (const node of nodesIn(trees)) {
    const call = as(node, 'FuncCall')
    const unknown = call && unknownName(call, reach)
    if (unknown !== undefined) return `calls ${unknown}(), of which nothing is known`
    for (const callee of call ? functionsNamed(call, reach) : []) {
      if (callee.settings['search_path'] !== undefined) continue
      const reason = whyFunction(callee, known, seen)
      if (reason !== undefined) return reason
    }
    for (const table of relationsNamed(node, reach)) {
      if (seen.has(table.oid)) continue
      seen.add(table.oid)
      const view = reach.views.get(table.oid)
      const policies = (reach.policies.get(table.oid) ?? []).map(({ using }) => using)
      const reason = whyWithin([view, ...policies], known, seen)
      if (reason !== undefined) return reason
    }
  }
  return undefined
}

function whyNode(
  node: Node,
  queries: ReadonlySet<string>,
  columns: ReadonlySet<string>,
  known: KnownNames,
): string | undefined {
  const { reach } = known
  for (const kind of ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']) {
    if (kind in node) return 'writes rows, and the triggers on them would run with the same path'
  }
  const relation = as(node, 'RangeVar')
  if (relation && relation.schemaname === undefined && !queries.has(relation.relname)) {
    return `names ${relation.relname} without its schema`
  }
  for (const { name, columns: own } of relationsNamed(node, reach)) {
    const foreign = own.find(({ name: column, type }) => columns.has(column) && isForeign(type, reach))
    if (foreign)
      return `reads ${name}.${foreign.name} of type ${foreign.type}, whose operators are found by search_path`
  }
  const call = as(node, 'FuncCall')
  if (call) return whyCall(call, reach)
  const cast = as(node, 'TypeCast')
  if (cast) return whyCast(cast, known)
  const operator = as(node, 'A_Expr')?.name
  if (operator?.length === 1 && reach.functions.openOperators.has(words(operator)[0] ?? '')) {
    return `uses the operator ${words(operator)[0] ?? ''}, and another schema has one of that name for built-in types`
  }
  return undefined
}

function whyCall(call: FuncCall, { functions }: Reach): string | undefined {
  const [name = ''] = words(call.funcname).slice(-1)
  const isQualified = words(call.funcname).length > 1
  if (!isQualified && !functions.builtin.has(name)) return `calls ${name}() without its schema`
  if (isQualified && words(call.funcname)[0] !== 'pg_catalog') return undefined
  if (/^to_reg|_is_visible$|^current_schemas?$|^has_.*_privilege$|^set_config$/.test(name))
    return `calls ${name}(), whose answer depends on search_path`
  const [setting] = call.args ?? []
  const isPath = name === 'current_setting' && as(setting, 'A_Const')?.sval?.sval === 'search_path'
  return isPath ? 'reads search_path' : undefined
}

function whyCast({ typeName }: TypeCast, { isBuiltinType }: KnownNames): string | undefined {
  const names = words(typeName.names ?? [])
  const [name = ''] = names.slice(-1)
  // The path decides how these are read and printed: 'members'::regclass, regclass::text.
  if (/^reg(class|type|proc|procedure|oper|operator|config|dictionary|collation)$/.test(name))
    return `looks up a name at run time (${name})`
  return names.length === 1 && !isBuiltinType(name) ? `names the type ${name} without its schema` : undefined
}

function isKnownVariableType(type: string, { isBuiltinType }: KnownNames): boolean {
  if (type.includes('%')) return type.split('.').length > (type.endsWith('rowtype') ? 1 : 2)
  const [first = ''] = type.split(/[\s([]/)
  return first.includes('.') || isBuiltinType(first) || spelled.has(first)
}

/** Names of types that the grammar knows, but that have another name in the catalog. */
const spelled = new Set([
  ...['bigint', 'boolean', 'character', 'decimal', 'double', 'int', 'integer', 'real', 'smallint', 'unknown'],
  ...['record', 'bit', 'national', 'nchar'],
])

/** A type outside of pg_catalog with operators of its own. Enums do not count: they use built-in operators. */
export function isForeign(type: string, { enums }: Pick<Reach, 'enums'>): boolean {
  const base = type.replace(/\(.*\)$/, '').replace(/\[\]$/, '')
  return base.includes('.') && !enums.has(base)
}

function columnNames(trees: readonly Node[]): Set<string> {
  return new Set(nodesIn(trees).flatMap((node) => words(as(node, 'ColumnRef')?.fields ?? []).slice(-1)))
}

/** `schema.name`, if there is no such function. */
function unknownName(call: FuncCall, reach: Reach): string | undefined {
  const parts = words(call.funcname)
  if (parts.length < 2 || parts[0] === 'pg_catalog' || functionsNamed(call, reach).length > 0)
    return undefined
  return parts.join('.')
}

function functionsNamed(call: FuncCall, { byName }: Reach): CatalogFunction[] {
  const parts = words(call.funcname)
  const schema = parts.at(-2)
  return (byName.get(parts.at(-1) ?? '') ?? []).filter(
    (each) => schema === undefined || each.schema === schema,
  )
}

function relationsNamed(node: Node, { relations }: Reach): CatalogTable[] {
  const relation = as(node, 'RangeVar')
  if (!relation) return []
  const { schemaname, relname } = relation
  return (relations.get(relname) ?? []).filter(({ schema }) => schema === (schemaname ?? schema))
}
