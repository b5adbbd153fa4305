import { sql } from '../../postgres/sql.ts'
import { deparseStatement } from '../../syntax/deparse.ts'
import { deparseExpression, sameTree } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import type { Carrier, ColumnComparison, Comparisons } from './comparisons.ts'
import { carrierKey, carriersIn, relationsByAlias } from './comparisons.ts'
import type { CalledFunction } from './bodies.ts'
import type { Identity, Look } from './actingAs.ts'
import { actingAs, isNoAnswer } from './actingAs.ts'
import type { EndRole } from '../../catalog/roles.ts'
import type { Subject } from './subject.ts'
import { fieldsOf, nameParts, walk } from '../../syntax/walk.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'

/** Values that each claim or setting is tried with, by `carrierKey`. */
export type Pools = Map<string, { carrier: Carrier; values: string[] }>

/** Users beyond this number are left out; those found by a narrower condition come first. */
const mostValues = 12
/** Rows read of each table in which users are looked for. */
const mostRows = 20_000

/** An identity for people who know better than the sample: which role, with which claims or settings. */
export interface GivenIdentity {
  role: string
  claims?: Record<string, unknown>
  settings?: Record<string, string>
}

/** The settings under which PostgREST runs a request of that role with those claims. */
export function identityOf({ role, claims, settings = {} }: GivenIdentity): Identity {
  const shown = [
    role,
    ...(claims ? [JSON.stringify(claims)] : ['without claims']),
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
  ]
  const cleared = Object.fromEntries(
    Object.keys(claims ?? {}).map((name) => [`request.jwt.claim.${name}`, ''] as const),
  )
  return {
    role,
    settings: {
      ...(claims && /^[\w.]+$/.test(Object.keys(cleared).join('')) ? cleared : {}),
      'request.jwt.claim.sub': '',
      'request.jwt.claims': claims ? JSON.stringify(claims) : '',
      ...settings,
    },
    label: shown.join(' '),
  }
}

/**
 * Values for every claim and setting that the predicates read: what the columns hold that they are compared
 * with (the values with the most and with the fewest rows, also under the other conditions of that
 * sub-select, so that administrators are found among a million), the constants they are compared with, and
 * values that nobody has.
 */
export async function samplePools(
  look: Look,
  reader: string,
  subject: Subject,
  comparisons: Comparisons,
  functions: CalledFunction[],
): Promise<Pools> {
  const pools: Pools = new Map()
  for (const carrier of comparisons.carriers) pools.set(carrierKey(carrier), { carrier, values: [] })
  for (const { carriers, constants } of comparisons.constants) {
    for (const carrier of carriers) pools.get(carrierKey(carrier))?.values.push(...constants)
  }
  const found = new Map<string, string[][]>()
  for (const comparison of comparisons.columns) {
    if (look.clock.isOver()) break
    const values = await sampleColumn(look, reader, subject, comparison, functions)
    for (const carrier of comparison.carriers) {
      const key = carrierKey(carrier)
      found.set(key, [...(found.get(key) ?? []), ...values])
    }
  }
  for (const [key, { carrier, values }] of pools) {
    const lists = (found.get(key) ?? []).toSorted((one, other) => one.length - other.length)
    const types = [...(comparisons.types.get(key) ?? [])]
    // Of another type a value would only show that it cannot be cast.
    const sampled = [...new Set([...values, ...takeTurns(lists)])]
      .filter((value) => types.every((type) => canBeCast(value, type)))
      .slice(0, mostValues)
    const column = comparisons.columns.find((each) => each.carriers.some((one) => carrierKey(one) === key))
    pools.set(key, { carrier, values: [...sampled, ...nobody(subject, column, carrier, types)] })
  }
  return pools
}

/** One value of each list, then the next of each: no source crowds out another. */
function takeTurns(lists: string[][]): string[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length))
  return Array.from({ length: longest }).flatMap((_, turn) =>
    lists.flatMap((list) => list.slice(turn, turn + 1)),
  )
}

/** Whether a text can be cast to the type; of types without a pattern it is not known, and then tried. */
function canBeCast(value: string, type: string): boolean {
  return patterns[type]?.test(value) ?? true
}

const whole = /^\s*-?\d{1,9}\s*$/
const patterns: Record<string, RegExp> = {
  uuid: /^\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i,
  int2: /^\s*-?\d{1,4}\s*$/,
  int4: whole,
  int8: whole,
  numeric: /^\s*-?\d+(\.\d+)?\s*$/,
  bool: /^(t|f|true|false|yes|no|on|off|1|0)$/i,
  date: /^\d{4}-\d\d-\d\d/,
  timestamptz: /^\d{4}-\d\d-\d\d/,
}

/** Two values that no row has, of a kind that the column takes. */
function nobody(
  subject: Subject,
  comparison: ColumnComparison | undefined,
  carrier: Carrier,
  types: string[],
): string[] {
  const name = comparison?.select === undefined ? comparison?.column.at(-1) : undefined
  const type =
    types.find((each) => each in patterns) ?? subject.columns.find((column) => column.name === name)?.type
  if (type && /^(int[248]?$|float|smallint|integer|bigint|numeric)/.test(type)) return ['32001', '32002']
  if (type === 'bool' || type === 'boolean') return ['false', 'true']
  if (type && /^(date|timestamp)/.test(type)) return ['1900-01-01', '2999-12-31']
  if (
    type === 'uuid' ||
    type === 'uuid[]' ||
    (!type && (carrier.name === 'sub' || carrier.name.endsWith('_id')))
  ) {
    return ['00000000-0000-4000-8000-00000000a001', '00000000-0000-4000-8000-00000000a002']
  }
  return ['nobody-1', 'nobody-2']
}

async function sampleColumn(
  look: Look,
  reader: string,
  subject: Subject,
  { expression, select, carriers }: ColumnComparison,
  functions: CalledFunction[],
): Promise<string[][]> {
  const from = `${qualified(subject.table)} AS ${quote(subject.table.name)}`
  const written = select
    ? sourcesIn(select, expression, functions)
    : deparseExpression(expression).then((text) => [`SELECT ${text} AS v FROM ${from} LIMIT ${mostRows}`])
  // What the printer does not know offers nobody.
  const sources = await written.catch(() => [])
  const lists: string[][] = []
  for (const source of sources) {
    const values = await commonAndRare(look, reader, source)
    // With the other conditions of the sub-select there are few, and they are the ones that matter.
    if (values.length > 0) lists.push(values)
  }
  return carriers.length > 0 ? lists : []
}

/** The sub-select that the column is in, with those of its conditions that hold without a caller and without a row. */
async function sourcesIn(
  select: Record<string, unknown>,
  target: Node,
  functions: CalledFunction[],
): Promise<string[]> {
  const aliases = relationsByAlias(select['fromClause'])
  const isLocal = (condition: unknown): boolean =>
    carriersIn(operands(condition), functions).length === 0 &&
    Array.from(fieldsOf(condition, 'ParamRef')).length === 0 &&
    Array.from(fieldsOf(condition, 'ColumnRef')).every(({ fields }) => {
      const names = nameParts(fields)
      return names.length < 2 || aliases.has(names[0] ?? '')
    })
  const conditions = conjunctsOf(select['whereClause']).filter(isLocal)
  const read = (where: unknown): Promise<string> =>
    deparseStatement({
      SelectStmt: {
        targetList: [{ ResTarget: { name: 'v', val: target } }],
        fromClause: select['fromClause'],
        ...(where ? { whereClause: where } : {}),
        limitCount: { A_Const: { ival: { ival: mostRows } } },
        limitOption: 'LIMIT_OPTION_COUNT',
        op: 'SETOP_NONE',
      },
    })
  const narrow = conditions.map((condition) => read(condition))
  const isTarget = (reference: unknown) => sameTree(reference, target)
  const beside = Array.from(walk([select['targetList'] ?? [], select['whereClause'] ?? []]))
    .filter(({ kind, node }) => kind === 'ColumnRef' && isLocal(node) && !isTarget(node))
    .map(({ node }) => oneForEach(node, target, select))
  const all = conditions.length > 1 ? [read({ BoolExpr: { boolop: 'AND_EXPR', args: conditions } })] : []
  return [...new Set(await Promise.all([...beside, ...all, ...narrow, read(undefined)]))]
}

/**
 * A user for each value of another column of the sub-select: one who is an administrator and one who is not, one of
 * each role.
 *
 * ```sql
 * SELECT DISTINCT ON (beside) v FROM (SELECT r.user_id AS v, r.role AS beside FROM user_roles r LIMIT 20000) LIMIT 4
 * ```
 */
async function oneForEach(other: Node, target: Node, select: Record<string, unknown>): Promise<string> {
  const rows = await deparseStatement({
    SelectStmt: {
      targetList: [{ ResTarget: { name: 'v', val: target } }, { ResTarget: { name: 'beside', val: other } }],
      fromClause: select['fromClause'],
      whereClause: { NullTest: { arg: target, nulltesttype: 'IS_NOT_NULL' } },
      limitCount: { A_Const: { ival: { ival: mostRows } } },
      limitOption: 'LIMIT_OPTION_COUNT',
      op: 'SETOP_NONE',
    },
  })
  return `SELECT DISTINCT ON (beside) v FROM (${rows}) AS pairs LIMIT 4`
}

/** Both sides of a comparison, in which a caller would appear; other conditions as they are. */
function operands(condition: unknown): unknown {
  const operator = (condition as { A_Expr?: { lexpr?: unknown; rexpr?: unknown } }).A_Expr
  return operator ? [operator.lexpr, operator.rexpr] : condition
}

/** `a AND b AND c` -> `[a, b, c]` */
export function conjunctsOf(where: unknown): unknown[] {
  if (where === undefined) return []
  const all = (where as { BoolExpr?: { boolop?: string; args?: unknown[] } }).BoolExpr
  return all?.boolop === 'AND_EXPR' ? (all.args ?? []).flatMap(conjunctsOf) : [where]
}

/** The three most and the three least frequent values of `v`; elements where it is an array. */
async function commonAndRare(look: Look, reader: string, source: string): Promise<string[]> {
  try {
    const { rows } = await actingAs(
      look,
      identityOf({ role: reader }),
      () =>
        sql<{ v: unknown }>`
          WITH counted AS (
            SELECT to_jsonb(v) AS v, count(*) AS n FROM (${sql.raw(source)}) AS s WHERE v IS NOT NULL GROUP BY 1)
          (SELECT v FROM counted ORDER BY n DESC, v LIMIT 3) UNION ALL (SELECT v FROM counted ORDER BY n, v LIMIT 3)
        `.execute(look.db),
      look.clock.remainingMs() / 4,
    )
    return [...new Set(rows.flatMap(({ v }) => scalars(v)))].slice(0, 6)
  } catch (error) {
    if (isNoAnswer(error)) throw error
    // A source that cannot be read (no privilege, an argument of the function in it) offers nobody.
    return []
  }
}

function scalars(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(scalars)
  if (value === null || value === undefined || typeof value === 'object') return []
  return [String(value)]
}

/** At most this many identities are asked. */
const mostIdentities = 34

/**
 * The identities that are asked: users with the values of the pools, nobody, no claims, each end role with
 * and without claims, and for every further claim its values and its absence. `turning` are the roles to which other
 * policies apply than before: they are asked with as many values as the first one.
 */
export function listIdentities(
  pools: Pools,
  roles: EndRole[],
  given: GivenIdentity[],
  turning: EndRole[] = [],
): Identity[] {
  const [main] = roles.filter(({ isExempt }) => !isExempt)
  const everybody = main ? [main, ...roles.filter((role) => role !== main)] : roles
  const [first = '', ...others] = everybody.map(({ name }) => name)
  const carriers = [...pools.values()]
  const count = Math.max(1, ...carriers.map(({ values }) => values.length))
  const turns = Array.from({ length: count }, (_, turn) => turn)
  const wanted: GivenIdentity[] = [
    ...given,
    withValues(first, carriers, 0),
    { role: first },
    ...others.slice(0, 3).map((role) => withValues(role, carriers, 0)),
    ...turning.flatMap(({ name }) => turns.map((turn) => withValues(name, carriers, turn))),
    ...turns.slice(1).map((turn) => withValues(first, carriers, turn)),
    // A policy that only another role meets must be seen true and false as well.
    ...others
      .slice(0, 3)
      .flatMap((role) => turns.slice(1, 3).map((turn) => withValues(role, carriers, turn))),
    ...others.map((role) => ({ role })),
    ...others.slice(3).map((role) => withValues(role, carriers, 0)),
    ...variations(first, carriers),
    { role: first, claims: { role: first } },
  ]
  const byLabel = new Map(wanted.map((each) => identityOf(each)).map((each) => [each.label, each]))
  return [...byLabel.values()].slice(0, mostIdentities + given.length)
}

/** Every claim but the user's own: missing, as another value, as one value where a list is usual. */
function variations(role: string, carriers: { carrier: Carrier; values: string[] }[]): GivenIdentity[] {
  if (carriers.length < 2 && !carriers.some(({ carrier }) => carrier.isJson)) return []
  return carriers.flatMap((varied) => {
    const rest = carriers.filter((each) => each !== varied)
    const others = varied.values.slice(1, 4).map((value) => [...rest, { ...varied, values: [value] }])
    const scalar = varied.carrier.isJson
      ? [[...rest, { values: varied.values, carrier: { ...varied.carrier, isJson: false } }]]
      : []
    return [rest, ...others, ...scalar].map((chosen) => withValues(role, chosen, 0))
  })
}

function withValues(
  role: string,
  carriers: { carrier: Carrier; values: string[] }[],
  turn: number,
): GivenIdentity {
  const claims: Record<string, unknown> = { role }
  const settings: Record<string, string> = {}
  for (const { carrier, values } of carriers) {
    const value = values[turn % values.length]
    if (value === undefined) continue
    if (carrier.kind === 'setting') settings[carrier.name] = value
    else setPath(claims, carrier.path, carrier.isJson ? listOf(value, values, turn) : value)
  }
  return { role, claims, ...(Object.keys(settings).length > 0 ? { settings } : {}) }
}

/** A claim that is read as JSON: the constant itself where it is JSON, else a list of two values. */
function listOf(value: string, values: string[], turn: number): unknown {
  try {
    const parsed: unknown = JSON.parse(value)
    if (typeof parsed === 'object') return parsed
  } catch {
    // Plain text, as most claims are.
  }
  const second = values[(turn + 1) % values.length]
  return second === undefined || second === value ? [value] : [value, second]
}

function setPath(claims: Record<string, unknown>, path: string[], value: unknown): void {
  const [step, ...rest] = path
  if (step === undefined) return
  if (rest.length === 0) {
    // A longer path below the same key has more to say.
    claims[step] ??= value
    if (path.length === 1 && step === 'role') claims[step] = value
    return
  }
  const inner = claims[step]
  const object = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : {}
  claims[step] = object
  setPath(object as Record<string, unknown>, rest, value)
}
