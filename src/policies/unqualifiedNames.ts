import { parsePlPgSQL } from 'libpg-query'
import { as, nodesIn, words } from '../sql/nodes.ts'
import type { Node } from '../sql/nodes.ts'
import { readBody } from './functionBody.ts'
import type { CatalogFunction, Functions } from './functionCatalog.ts'

/** What the names of a body can mean without a `search_path`. */
export interface KnownNames {
  functions: Functions
  builtinTypes: ReadonlySet<string>
}

const deepest = 4

/**
 * Why the body could mean something else, or fail, with an empty `search_path`; undefined where every name in it is
 * qualified or PostgreSQL's own, and so are the bodies of what it calls.
 */
export async function whyPathMatters(
  called: CatalogFunction,
  known: KnownNames,
  depth = 0,
): Promise<string | undefined> {
  const shown = `${called.schema}.${called.name}()`
  if (depth > deepest) return `${shown} calls others too deep to follow`
  const body = await readBody(called)
  if ('unreadable' in body) return `${shown}: ${body.unreadable}`
  if (called.language === 'plpgsql') {
    const reason = await whyDeclarationsMatter(called, known)
    if (reason !== undefined) return `${shown} ${reason}`
  }
  const queries = new Set<string>()
  for (const node of nodesIn(body.parts)) queries.add(as(node, 'CommonTableExpr')?.ctename ?? '')
  for (const node of nodesIn(body.parts)) {
    const reason = whyNodeMatters(node, queries, known)
    if (reason !== undefined) return `${shown} ${reason}`
    const call = as(node, 'FuncCall')
    if (!call) continue
    const [schema, name] = [words(call.funcname).at(-2), words(call.funcname).at(-1)]
    if (schema === undefined || schema === 'pg_catalog') continue
    const callees = Array.from(known.functions.byOid.values()).filter(
      (each) => each.schema === schema && each.name === name,
    )
    if (callees.length === 0) return `${shown} calls ${schema}.${name ?? ''}(), of which nothing is known`
    for (const callee of callees) {
      if (callee.settings.some((setting) => setting.startsWith('search_path='))) continue
      const below = await whyPathMatters(callee, known, depth + 1)
      if (below !== undefined) return below
    }
  }
  return undefined
}

function whyNodeMatters(
  node: Node,
  queries: ReadonlySet<string>,
  { functions, builtinTypes }: KnownNames,
): string | undefined {
  for (const kind of ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'] as const) {
    if (kind in node) return 'writes, and what its triggers do would follow the same path'
  }
  const relation = as(node, 'RangeVar')
  if (relation && relation.schemaname === undefined && !queries.has(relation.relname)) {
    return `names ${relation.relname} without its schema`
  }
  const call = as(node, 'FuncCall')
  if (call && words(call.funcname).length === 1 && !functions.builtin.has(words(call.funcname)[0] ?? '')) {
    return `calls ${words(call.funcname)[0] ?? ''}() without its schema`
  }
  const type = as(node, 'TypeCast')?.typeName.names
  if (type && words(type).length === 1 && !builtinTypes.has(words(type)[0] ?? '')) {
    return `names the type ${words(type)[0] ?? ''} without its schema`
  }
  const operator = as(node, 'A_Expr')?.name
  if (operator && words(operator).length === 1) {
    // Which of them is meant depends on types that are not known here.
    const name = words(operator)[0] ?? ''
    for (const known of functions.operators.keys()) {
      if (!known.startsWith('pg_catalog.') && known.endsWith(`.${name}`)) {
        return `uses the operator ${name}, of which ${known} is another one`
      }
    }
  }
  return undefined
}

/** Types of variables, and statements that are put together when they run. */
async function whyDeclarationsMatter(
  { definition }: CatalogFunction,
  { builtinTypes }: KnownNames,
): Promise<string | undefined> {
  const parsed: unknown = await parsePlPgSQL(definition)
  for (const [key, value] of entriesIn(parsed)) {
    if (key === 'PLpgSQL_stmt_dynexecute' || key === 'PLpgSQL_stmt_dynfors' || key === 'dynquery') {
      return 'puts statements together when it runs'
    }
    if (key === 'typname' && typeof value === 'string') {
      const name = value.trim().toLowerCase()
      const [first = ''] = name.split(/[\s([]/)
      const isQualified = name.includes('%') ? name.split('.').length > 2 : first.includes('.')
      if (!isQualified && !builtinTypes.has(first.replace(/^pg_catalog\./, '')) && !spelled.has(first)) {
        return `declares a variable of type ${value} without its schema`
      }
    }
  }
  return undefined
}

/** Names of types that the grammar knows and the catalog calls otherwise. */
const spelled = new Set([
  ...['bigint', 'boolean', 'character', 'decimal', 'double', 'int', 'integer', 'real', 'smallint', 'unknown'],
])

function* entriesIn(value: unknown): Generator<[string, unknown]> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, child] of Object.entries(value)) {
    yield [key, child]
    yield* entriesIn(child)
  }
}
