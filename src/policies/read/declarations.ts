import type { FuncCall, Node } from '../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../syntax/nodes.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { Functions } from './functionCatalog.ts'
import type { FunctionBody } from './functionBody.ts'
import { changesRows } from './functionBody.ts'

/** What is known of the bodies of functions, by oid. */
export interface Bodies {
  bodies: Map<number, FunctionBody>
  /** For the other functions: why their bodies cannot be read. */
  unreadable: Map<number, string>
  /** Functions by name, for the calls in bodies. */
  byName: Map<string, CatalogFunction[]>
  functions: Functions
}

/** How many levels of nested calls are followed. */
const deepest = 4

/**
 * The built-in VOLATILE function that a body calls, directly or through others, or the fact that it changes rows. Even
 * declared STABLE, such a function may answer differently for each row. Undefined if nothing of the kind is found.
 */
export function hiddenVolatile(called: CatalogFunction, known: Bodies, depth = 0): string | undefined {
  const body = known.bodies.get(called.oid)
  if (!body || depth > deepest) return undefined
  if (changesRows(body.parts)) return 'a statement that changes rows'
  for (const call of callsIn(body.parts)) {
    const { schema, name } = nameOf(call)
    const others = schema === 'pg_catalog' ? [] : functionsNamed(known, schema, name)
    if (schema === undefined || schema === 'pg_catalog') {
      if (known.functions.builtin.get(name)?.volatility === 'volatile' && others.length === 0)
        return `${name}()`
    }
    for (const other of others) {
      const found = hiddenVolatile(other, known, depth + 1)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/**
 * What a body reads that changes between statements or users: a table, the caller, a setting. If such a function is
 * declared IMMUTABLE, the planner puts its answer into a cached plan, and the next user gets it too.
 */
export function readsChanging(called: CatalogFunction, known: Bodies, depth = 0): string | undefined {
  const body = known.bodies.get(called.oid)
  if (!body || depth > deepest) return undefined
  for (const node of nodesIn(body.parts)) {
    const relation = as(node, 'RangeVar')
    if (relation) return `the table ${relation.relname}`
    if ('SQLValueFunction' in node) return 'who is calling'
    const call = as(node, 'FuncCall')
    if (!call) continue
    const { schema, name } = nameOf(call)
    if (name === 'current_setting') return 'a setting of the session'
    if (schema === 'auth') return `auth.${name}()`
    for (const other of schema === 'pg_catalog' ? [] : functionsNamed(known, schema, name)) {
      const found = readsChanging(other, known, depth + 1)
      if (found !== undefined) return found
    }
  }
  return undefined
}

function callsIn(parts: readonly Node[]): FuncCall[] {
  return nodesIn(parts).flatMap((node) => as(node, 'FuncCall') ?? [])
}

/** The schema is undefined where the call does not name it. */
export function nameOf(call: FuncCall): { schema: string | undefined; name: string } {
  const parts = words(call.funcname)
  return { schema: parts.at(-2), name: parts.at(-1) ?? '' }
}

function functionsNamed({ byName }: Bodies, schema: string | undefined, name: string): CatalogFunction[] {
  return (byName.get(name) ?? []).filter((each) => schema === undefined || each.schema === schema)
}

/** The names of all functions that the trees call. */
export function namesCalledIn(trees: readonly Node[]): string[] {
  return [...new Set(callsIn(trees).map((call) => nameOf(call).name))]
}
