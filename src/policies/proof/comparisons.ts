import { columnReference } from '../../syntax/build.ts'
import type { Node } from '../../syntax/nodes.ts'
import type { CalledFunction } from './bodies.ts'
import { callOf } from './bodies.ts'
import { fieldsOf, isRecord, nameParts, stringConstant } from '../../syntax/walk.ts'

/**
 * What an expression reads about the caller: a claim of the request's token, by its path, or a setting of
 * the session.
 */
export interface Carrier {
  kind: 'claim' | 'setting'
  /** `sub`, `app_metadata.org_id`, `app.tenant`: for comparing and for people. */
  name: string
  path: string[]
  /** The claim is read as JSON (`->`) and may hold an array. */
  isJson: boolean
}

/** A column compared with something about the caller. */
export interface ColumnComparison {
  carriers: Carrier[]
  column: string[]
  /** What of the column is compared: the column itself, or `meta ->> 'region'`. */
  expression: Node
  /** The SELECT in whose FROM the column is; undefined for the table of the policy itself. */
  select: Record<string, unknown> | undefined
}

/** Something about the caller compared with constants. */
export interface ConstantComparison {
  carriers: Carrier[]
  constants: string[]
}

export interface Comparisons {
  carriers: Carrier[]
  columns: ColumnComparison[]
  constants: ConstantComparison[]
  /** The types to which claims and settings are cast, by `carrierKey`: `uuid`, `int4`. */
  types: Map<string, Set<string>>
}

const claimsSetting = 'request.jwt.claims'
const oneClaimSetting = 'request.jwt.claim.'

/**
 * Finds in the trees, and in the bodies of the functions that they call, what the caller's identity is
 * compared with: the values that make a predicate true are found there.
 *
 * `m.user_id = auth.uid()` in `SELECT ... FROM members m` -> the claim `sub`, the column `m.user_id`
 */
export function comparisonsIn(trees: Node[], functions: CalledFunction[]): Comparisons {
  const found: Comparisons = { carriers: [], columns: [], constants: [], types: new Map() }
  const seen = new Set<string>()
  const bodies = functions.filter(({ schema }) => schema !== 'pg_catalog').flatMap(({ body }) => body)
  for (const tree of [...trees, ...bodies]) {
    for (const carrier of everyCarrier(tree, functions)) {
      if (seen.has(carrierKey(carrier))) continue
      seen.add(carrierKey(carrier))
      found.carriers.push(carrier)
    }
    compareWithin(tree, undefined, functions, found)
    readTypes(tree, functions, found.types)
  }
  return found
}

/** `(auth.jwt() ->> 'level')::int` -> `claim level` is cast to `int4`. */
function readTypes(tree: unknown, functions: CalledFunction[], types: Map<string, Set<string>>): void {
  for (const cast of fieldsOf(tree, 'TypeCast')) {
    if (claimPath(cast['arg'], functions, 0)?.steps.length === 0) continue
    const keys = new Set(carriersIn(cast['arg'], functions).map(carrierKey))
    const type = nameParts((cast['typeName'] as { names?: unknown } | undefined)?.names).at(-1)
    const [key] = keys
    if (key === undefined || keys.size > 1 || type === undefined) continue
    types.set(key, (types.get(key) ?? new Set()).add(type))
  }
}

export function carrierKey({ kind, name }: Carrier): string {
  return `${kind} ${name}`
}

function compareWithin(
  value: unknown,
  select: Record<string, unknown> | undefined,
  functions: CalledFunction[],
  found: Comparisons,
): void {
  if (Array.isArray(value)) {
    for (const item of value) compareWithin(item, select, functions, found)
    return
  }
  if (!isRecord(value)) return
  const inner = value['SelectStmt']
  if (isRecord(inner)) {
    compareWithin(inner, Array.isArray(inner['fromClause']) ? inner : select, functions, found)
    return
  }
  const operator = value['A_Expr']
  // NULLIF(setting, '') says what is no value.
  if (isRecord(operator) && operator['kind'] !== 'AEXPR_NULLIF')
    compareSides(operator['lexpr'], operator['rexpr'], select, functions, found)
  const link = value['SubLink']
  if (isRecord(link)) {
    const query = (link['subselect'] as { SelectStmt?: Record<string, unknown> } | undefined)?.SelectStmt
    const [target] = (query?.['targetList'] ?? []) as { ResTarget: { val: Node } }[]
    if (link['testexpr'] && query && target) {
      const inside = query['fromClause'] ? query : select
      const outside = carriersIn(link['testexpr'], functions)
      if (outside.length > 0) compareColumns(outside, target.ResTarget.val, inside, found)
      else compareSides(link['testexpr'], target.ResTarget.val, select, functions, found)
    }
  }
  for (const child of Object.values(value)) compareWithin(child, select, functions, found)
}

function compareSides(
  left: unknown,
  right: unknown,
  select: Record<string, unknown> | undefined,
  functions: CalledFunction[],
  found: Comparisons,
): void {
  for (const [one, other] of [
    [left, right],
    [right, left],
  ]) {
    const carriers = carriersIn(one, functions)
    if (carriers.length === 0) continue
    compareColumns(carriers, other, select, found)
    const constants = constantsIn(other)
    if (constants.length > 0) found.constants.push({ carriers, constants })
  }
}

function compareColumns(
  carriers: Carrier[],
  side: unknown,
  select: Record<string, unknown> | undefined,
  found: Comparisons,
): void {
  const columns = [...columnsIn(side)]
  for (const { fields } of columns) {
    const isPlain = columns.length > 1 || !isRecord(side) || !fieldsOf(side, 'SubLink').next().done
    const expression = isPlain ? columnReference(...fields) : (side as Node)
    found.columns.push({ carriers, column: fields, expression, select })
  }
}

/** Columns of an expression, leaving out those of its sub-selects. */
function* columnsIn(side: unknown): Generator<{ fields: string[] }> {
  if (Array.isArray(side)) {
    for (const item of side) yield* columnsIn(item)
    return
  }
  if (!isRecord(side) || 'SelectStmt' in side) return
  const reference = side['ColumnRef']
  if (isRecord(reference)) {
    const fields = nameParts(reference['fields'])
    if (fields.length > 0) yield { fields }
    return
  }
  for (const child of Object.values(side)) yield* columnsIn(child)
}

/** String constants of an expression; the key in `meta ->> 'region'` is no value. */
function constantsIn(side: unknown): string[] {
  if (Array.isArray(side)) return side.flatMap(constantsIn)
  if (!isRecord(side)) return []
  const operator = side['A_Expr']
  if (isRecord(operator) && isStep(operator)) return constantsIn(operator['lexpr'])
  const text = 'A_Const' in side ? stringConstant(side) : undefined
  if (text !== undefined) return [text]
  return Object.values(side).flatMap(constantsIn)
}

/** `a -> 'b'` and its like. */
function isStep({ name }: { name?: unknown }): boolean {
  return ['->', '->>', '#>', '#>>'].includes(nameParts(name).at(-1) ?? '')
}

/** What an expression reads about the caller, directly or through the functions that it calls. */
export function carriersIn(expression: unknown, functions: CalledFunction[], depth = 0): Carrier[] {
  if (Array.isArray(expression)) return expression.flatMap((item) => carriersIn(item, functions, depth))
  if (!isRecord(expression)) return []
  const path = claimPath(expression, functions, depth)
  if (path) return path.steps.length > 0 ? [claim(path.steps, path.isJson)] : []
  const call = expression['FuncCall']
  if (isRecord(call)) {
    const setting = settingOf(call)
    if (setting?.startsWith(oneClaimSetting)) return [claim([setting.slice(oneClaimSetting.length)], false)]
    if (setting !== undefined) return [{ kind: 'setting', name: setting, path: [setting], isJson: false }]
    const own = depth < 3 ? bodiesOf(call, functions).flatMap((body) => returned(body, functions, depth)) : []
    return [...own, ...carriersIn(call['args'] ?? [], functions, depth)]
  }
  // What is compared inside a condition does not come out of it.
  if (isComparison(expression)) return []
  return Object.values(expression).flatMap((child) => carriersIn(child, functions, depth))
}

/** As `carriersIn`, also within conditions. */
function everyCarrier(tree: unknown, functions: CalledFunction[]): Carrier[] {
  if (Array.isArray(tree)) return tree.flatMap((item) => everyCarrier(item, functions))
  if (!isRecord(tree)) return []
  if (claimPath(tree, functions, 0)) return carriersIn(tree, functions)
  const call = tree['FuncCall']
  if (isRecord(call)) return [...carriersIn(tree, functions), ...everyCarrier(call['args'] ?? [], functions)]
  return Object.values(tree).flatMap((child) => everyCarrier(child, functions))
}

/** A function's answer carries what its result is made of, and not what its conditions look at. */
function returned(body: Node, functions: CalledFunction[], depth: number): Carrier[] {
  const select = body['SelectStmt'] as Record<string, unknown> | undefined
  return carriersIn(select ? (select['targetList'] ?? []) : body, functions, depth + 1)
}

function isComparison(expression: Record<string, unknown>): boolean {
  const operator = expression['A_Expr'] as { kind?: unknown; name?: unknown } | undefined
  // NULLIF(a, b) is written as a comparison and gives back what it compares.
  if (operator?.kind === 'AEXPR_NULLIF') return false
  const name = nameParts(operator?.name).at(-1)
  if (name !== undefined && ['=', '<>', '<', '>', '<=', '>=', '@>', '<@', '&&', '?'].includes(name))
    return true
  return ['BoolExpr', 'NullTest', 'BooleanTest'].some((kind) => kind in expression)
}

interface ClaimPath {
  steps: string[]
  isJson: boolean
}

/** `auth.jwt() -> 'a' ->> 'b'` -> `['a', 'b']`; undefined where the expression is no path into the claims. */
function claimPath(expression: unknown, functions: CalledFunction[], depth: number): ClaimPath | undefined {
  if (!isRecord(expression)) return undefined
  const cast = expression['TypeCast'] as { arg?: unknown } | undefined
  if (cast) return claimPath(cast.arg, functions, depth)
  const operator = expression['A_Expr'] as { name?: unknown; lexpr?: unknown; rexpr?: unknown } | undefined
  if (operator) return stepInto(operator, functions, depth)
  const call = expression['FuncCall']
  if (isRecord(call)) {
    if (settingOf(call) === claimsSetting) return { steps: [], isJson: true }
    if (depth >= 3) return undefined
    for (const body of bodiesOf(call, functions)) {
      const select = body['SelectStmt'] as { targetList?: { ResTarget: { val: unknown } }[] } | undefined
      const path = claimPath(select?.targetList?.[0]?.ResTarget.val ?? body, functions, depth + 1)
      if (path?.steps.length === 0) return path
    }
    return undefined
  }
  const coalesced = expression['CoalesceExpr'] as { args?: unknown[] } | undefined
  for (const argument of coalesced?.args ?? []) {
    const path = claimPath(argument, functions, depth)
    if (path) return path
  }
  const link = expression['SubLink'] as { subselect?: { SelectStmt?: Record<string, unknown> } } | undefined
  const [target] = (link?.subselect?.SelectStmt?.['targetList'] ?? []) as { ResTarget: { val: unknown } }[]
  if (target && !link?.subselect?.SelectStmt?.['fromClause'])
    return claimPath(target.ResTarget.val, functions, depth)
  return undefined
}

function stepInto(
  operator: { kind?: unknown; name?: unknown; lexpr?: unknown; rexpr?: unknown },
  functions: CalledFunction[],
  depth: number,
): ClaimPath | undefined {
  // NULLIF(a, b) is an operator expression of its own kind.
  if (operator.kind === 'AEXPR_NULLIF') return claimPath(operator.lexpr, functions, depth)
  const name = nameParts(operator.name).at(-1)
  if (name === undefined || !isStep(operator)) return undefined
  const base = claimPath(operator.lexpr, functions, depth)
  const key = base && stringConstant(operator.rexpr)
  if (!base || key === undefined) return undefined
  const steps = name.startsWith('#') ? key.replaceAll(/[{}]/g, '').split(',') : [key]
  return { steps: [...base.steps, ...steps], isJson: !name.endsWith('>>') }
}

function claim(path: string[], isJson: boolean): Carrier {
  return { kind: 'claim', name: path.join('.'), path, isJson }
}

/** The name in `current_setting('name', ...)`. */
function settingOf(call: Record<string, unknown>): string | undefined {
  if (callOf(call).name !== 'current_setting') return undefined
  const [argument] = Array.isArray(call['args']) ? (call['args'] as unknown[]) : []
  return stringConstant(argument)
}

function bodiesOf(call: Record<string, unknown>, functions: CalledFunction[]): Node[] {
  const { schema, name } = callOf(call)
  return functions
    .filter((each) => each.name === name && (schema === undefined || each.schema === schema))
    .flatMap(({ body }) => body)
}

/** Relations that the tree's sub-selects read, by the name under which their columns appear. */
export function relationsByAlias(tree: unknown): Map<string, { schema: string; name: string }> {
  const found = new Map<string, { schema: string; name: string }>()
  for (const range of fieldsOf(tree, 'RangeVar')) {
    const { schemaname, relname, alias } = range as {
      schemaname?: string
      relname?: string
      alias?: { aliasname?: string }
    }
    if (relname) found.set(alias?.aliasname ?? relname, { schema: schemaname ?? 'public', name: relname })
  }
  return found
}
