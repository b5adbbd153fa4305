import { parsePlPgSQL } from 'libpg-query'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { findFunctionsNamed } from '../../catalog/functions.ts'
import type { Database } from '../../postgres/database.ts'
import { parseExpression } from '../../syntax/expression.ts'
import { splitStatements } from '../../syntax/statements.ts'
import type { FuncCall, Node } from '../../syntax/nodes.ts'
import { fieldsOf, nameParts } from '../../syntax/walk.ts'
import { hidesParameter } from '../read/hiddenParameters.ts'

/** A function that a predicate calls, directly or through others. */
export interface CalledFunction {
  schema: string
  name: string
  /** What its body does, as far as the body can be parsed: statements, and expressions of PL/pgSQL. */
  body: Node[]
}

/** How deep calls within calls are followed. */
const deepest = 3

/**
 * The functions that the trees call, with the functions that those call, by `name` and by `schema.name`.
 * Overloads count as one. What is in `pg_catalog` is not listed: its bodies tell nothing.
 */
export async function listCalledFunctions(db: Database, trees: Node[]): Promise<CalledFunction[]> {
  const found: CalledFunction[] = []
  let next = trees
  for (let depth = 0; depth < deepest && next.length > 0; depth += 1) {
    const known = new Set(found.map(({ name }) => name))
    const names = [...new Set(next.flatMap((tree) => callsIn(tree).map(({ name }) => name)))]
    const called: CalledFunction[] = []
    for (const each of await findFunctionsNamed(
      db,
      names.filter((name) => !known.has(name)),
    )) {
      if (each.kind === 'f')
        called.push({ schema: each.schema, name: each.name, body: await parseBody(each) })
    }
    found.push(...called)
    next = called.flatMap(({ body }) => body)
  }
  return found
}

/** A call as a tree names it: the schema is absent where `search_path` decides. */
export interface Call {
  schema?: string
  name: string
}

/** Every function call in the tree. */
export function callsIn(tree: unknown): Call[] {
  return Array.from(fieldsOf(tree, 'FuncCall'), (call) => callOf(call))
}

/** The fields of a `FuncCall`, of a tree with types or without. */
export type CallFields = Partial<Record<keyof FuncCall, unknown>>

/** The function that a `FuncCall` names. */
export function callOf({ funcname }: CallFields): Call {
  const parts = nameParts(funcname)
  const schema = parts.at(-2)
  return { name: parts.at(-1) ?? '', ...(schema === undefined ? {} : { schema }) }
}

/** The statements and expressions of a body; empty where it is in another language or cannot be parsed. */
async function parseBody({ language, source, definition }: CatalogFunction): Promise<Node[]> {
  try {
    if (language === 'sql') {
      // A body in the style of the standard (BEGIN ATOMIC, RETURN) has no source text of its own.
      const text = source.trim() === '' ? definition : source
      return (await splitStatements(text)).map(({ node }) => node)
    }
    if (language === 'plpgsql') return await parsePlpgsql(definition)
  } catch {
    // A body that cannot be read offers no identities; the proof then has to find them elsewhere, or says so.
  }
  return []
}

async function parsePlpgsql(definition: string): Promise<Node[]> {
  const parsed: unknown = await parsePlPgSQL(definition)
  const bodies: Node[] = []
  for (const { query } of fieldsOf(parsed, 'PLpgSQL_expr')) {
    if (typeof query !== 'string') continue
    try {
      bodies.push(...(await splitStatements(query)).map(({ node }) => node))
    } catch {
      bodies.push(await parseExpression(query))
    }
  }
  return bodies
}

/**
 * The one expression or query that a function gives back, where that is all it does; undefined for every other
 * body, and for one that cannot be read.
 */
export async function onlyResult(called: CatalogFunction): Promise<Node | undefined> {
  const { language, source, definition } = called
  try {
    if (language === 'sql' && source.trim() !== '') {
      const [only, ...more] = await splitStatements(source)
      return more.length === 0 ? only?.node : undefined
    }
    if (language !== 'plpgsql') return undefined
    const parsed: unknown = await parsePlPgSQL(definition)
    const query = hidesParameter(parsed, definition) ? undefined : onlyReturn(parsed)
    if (query === undefined) return undefined
    const expression = await parseExpression(query).catch(() => undefined)
    if (!expression) return (await splitStatements(query))[0]?.node
    // RETURN QUERY (SELECT ...) is written like a scalar sub-select.
    const link = expression['SubLink'] as { subLinkType?: string; subselect?: Node } | undefined
    return link?.subLinkType === 'EXPR_SUBLINK' ? link.subselect : expression
  } catch {
    return undefined
  }
}

/** The text behind RETURN or RETURN QUERY where it is the only statement of the function. */
function onlyReturn(parsed: unknown): string | undefined {
  const [block, ...others] = fieldsOf(parsed, 'PLpgSQL_stmt_block')
  if (!block || others.length > 0 || 'exceptions' in block || !Array.isArray(block['body'])) return undefined
  const statements = block['body'] as Record<string, Record<string, unknown>>[]
  const [first, ...rest] = statements
  // PL/pgSQL adds a bare RETURN to the end by itself.
  const isBare = (each: Record<string, unknown>) =>
    'PLpgSQL_stmt_return' in each && !('expr' in (each['PLpgSQL_stmt_return'] as object))
  if (!first || !rest.every(isBare)) return undefined
  const statement = first['PLpgSQL_stmt_return'] ?? first['PLpgSQL_stmt_return_query']
  const expression = statement?.['expr'] ?? statement?.['query']
  const { query } = (expression as { PLpgSQL_expr?: { query?: unknown } } | undefined)?.PLpgSQL_expr ?? {}
  return typeof query === 'string' ? query : undefined
}
