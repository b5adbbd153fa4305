import type { CatalogFunction } from '../../../catalog/functions.ts'
import { nameOf } from '../../../policies/read/declarations.ts'
import { changesRows } from '../../../policies/read/functionBody.ts'
import type { Reach } from '../../../policies/read/reach.ts'
import { display } from '../../../postgres/identifiers.ts'
import type { FuncCall, Node } from '../../../syntax/nodes.ts'
import { as, kindOf, words } from '../../../syntax/nodes.ts'
import { stringConstant } from '../../../syntax/walk.ts'
import type { Refusal } from './refusal.ts'
import { certain, unclear } from './refusal.ts'

/**
 * STABLE functions that make a text of their arguments, by settings that an application sets once for all its sessions.
 * Other STABLE ones tell the time, the time zone or the caller.
 */
const steadyStable = new Set([
  ...[
    'json_agg',
    'jsonb_agg',
    'json_object_agg',
    'jsonb_object_agg',
    'json_build_object',
    'jsonb_build_object',
  ],
  ...['json_build_array', 'jsonb_build_array', 'to_json', 'to_jsonb', 'row_to_json', 'array_to_json'],
  ...['concat', 'concat_ws', 'format', 'array_to_string', 'quote_literal', 'quote_nullable'],
  ...[
    'to_tsvector',
    'to_tsquery',
    'plainto_tsquery',
    'phraseto_tsquery',
    'websearch_to_tsquery',
    'ts_headline',
  ],
])

/** What a call comes to: functions whose bodies are still to be followed, or why it may not be shared. */
export interface Called {
  refusal?: Refusal
  follow: CatalogFunction[]
}

/** What calls can come to. */
export interface Callable {
  reach: Reach
  /** Oids of the functions and aggregates that extensions brought. */
  ofExtensions: ReadonlySet<number>
}

/** Judges a call by what its name can mean. */
export function judgeCall(call: FuncCall, { reach, ofExtensions }: Callable): Called {
  const { schema, name } = nameOf(call)
  const own = (reach.byName.get(name) ?? []).filter((each) => schema === undefined || each.schema === schema)
  const builtin =
    schema === undefined || schema === 'pg_catalog' ? reach.functions.builtin.get(name) : undefined
  if (builtin === undefined && own.length === 0)
    return { refusal: unclear(`it calls ${name}(), which is not in the catalog`), follow: [] }
  if (builtin !== undefined && builtin.volatility !== 'immutable' && !steadyStable.has(name)) {
    return {
      refusal: certain(`it calls ${name}(), which does not answer the same to everybody at all times`),
      follow: [],
    }
  }
  const follow: CatalogFunction[] = []
  for (const each of own) {
    const refusal = whyNotFollowed(each, reach, ofExtensions)
    if (refusal) return { refusal, follow: [] }
    if (reach.bodies.has(each.oid)) follow.push(each)
  }
  return { follow }
}

function whyNotFollowed(
  each: CatalogFunction,
  { bodies, unreadable }: Reach,
  ofExtensions: ReadonlySet<number>,
): Refusal | undefined {
  const shown = `${display(each)}()`
  if (each.volatility === 'volatile') return certain(`it calls ${shown}, which is VOLATILE`)
  const body = bodies.get(each.oid)
  if (!body) {
    const isDeclared = ofExtensions.has(each.oid) && each.volatility === 'immutable'
    return isDeclared
      ? undefined
      : unclear(`it calls ${shown}: ${unreadable.get(each.oid) ?? 'its body cannot be read'}`)
  }
  if (body.isDynamic) return unclear(`it calls ${shown}, which runs SQL that it makes itself`)
  if (changesRows(body.parts)) return certain(`it calls ${shown}, which changes rows`)
  return undefined
}

const dates = new Set(['date', 'time', 'timetz', 'timestamp', 'timestamptz'])
const moments = new Set(['now', 'today', 'tomorrow', 'yesterday', 'allballs'])
const refusedKinds: Record<string, string> = {
  SQLValueFunction: 'it reads the time or who is calling',
  LockingClause: 'it locks rows',
  InsertStmt: 'it writes',
  UpdateStmt: 'it writes',
  DeleteStmt: 'it writes',
  MergeStmt: 'it writes',
  RangeTableSample: 'it reads a sample of rows',
  CurrentOfExpr: 'it reads a cursor',
}

/** Why a node that is no call makes the answer another one for other callers or at other times. */
export function judgeNode(node: Node, { functions }: Reach): Refusal | undefined {
  const reason = refusedKinds[kindOf(node)]
  if (reason !== undefined) return certain(reason)
  if (as(node, 'SelectStmt')?.intoClause) return certain('it makes a table')
  const operator = as(node, 'A_Expr')
  if (operator) {
    const [name = '', schema] = words(operator.name).toReversed()
    for (const [known, volatility] of functions.operators) {
      const isMeant =
        schema === undefined ? known.slice(known.indexOf('.') + 1) === name : known === `${schema}.${name}`
      if (isMeant && volatility !== 'immutable')
        return unclear(`its operator ${known} may not answer the same to everybody`)
    }
  }
  const cast = as(node, 'TypeCast')
  if (!cast) return undefined
  const type = words(cast.typeName.names ?? []).at(-1) ?? ''
  if (type.startsWith('reg')) return unclear(`a cast to ${type} depends on search_path`)
  const code = Array.from(functions.typesWithCode).find((each) => each.split('.').at(-1) === type)
  if (code !== undefined) return unclear(`a cast to ${code} runs code of its own`)
  if (!dates.has(type)) return undefined
  const constant = stringConstant(cast.arg)?.trim().toLowerCase()
  if (as(cast.arg, 'ParamRef') || (constant !== undefined && moments.has(constant)))
    return certain(`a cast to ${type} may be of 'now' or 'today'`)
  return undefined
}
