import type { AccessMethod } from '../catalog/accessMethods.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified } from '../postgres/identifiers.ts'
import type { Scan, SortKey } from './scans.ts'
import type { Term } from './terms.ts'
import { alternativesOf, columnKey, keyText, predicateOf, termsOf } from './terms.ts'

/** An index that might help: everything of it but its name. */
export interface Candidate {
  table: RelationName
  method: string
  /** As they stand in CREATE INDEX: `city_id`, `(lower(email))`, `rating DESC`, `services array_ops`. */
  keys: string[]
  include: string[]
  predicate?: string
}

/** What the catalog says that candidates hang on. */
export interface CatalogOfCandidates {
  /** How many different values the column has; undefined for an expression, or where nobody counted. */
  distinct(table: RelationName, key: string): number | undefined
  /** Methods other than `btree` that find rows by the operator, with the operator class where it is not the default. */
  methodsFor(table: RelationName, key: string, operator: string): Promise<AccessMethod[]>
  /** Whether rows lie in the order of the column, so that few pages hold what lies together in it. */
  isInOrder(table: RelationName, key: string): boolean
  /** Bytes of the columns together, as far as the statistics know. */
  width(table: RelationName, columns: string[]): number
}

/** `ON "public"."a" USING btree (b, c DESC) INCLUDE (d) WHERE e`: equal for equal candidates. */
export function definitionOf(candidate: Candidate): string {
  return `ON ${qualified(candidate.table)} ${definitionOn(candidate)}`
}

/** What follows the table's name: `USING btree (b, c DESC) INCLUDE (d) WHERE e`. */
export function definitionOn({ method, keys, include, predicate }: Candidate): string {
  return [
    `USING ${method} (${keys.join(', ')})`,
    ...(include.length > 0 ? [`INCLUDE (${include.join(', ')})`] : []),
    ...(predicate === undefined ? [] : [`WHERE ${predicate}`]),
  ].join(' ')
}

const ranges = new Set(['<', '<=', '>', '>='])
const equalities = new Set(['=', 'IN', 'IS'])
/** An index that carries more than this along is as slow to read as the table. */
const mostIncluded = { columns: 4, bytes: 100 }
/** So many columns that are only read stand among the keys as well. */
const mostKeysMore = 2

/** A column of more different values than that is no status: the next statement asks for another one. */
const mostKinds = 50

/** Indexes that might serve a scan: equal columns first, then what sorts or bounds, on all rows or on those with constants. */
export async function candidatesFor(scan: Scan, catalog: CatalogOfCandidates): Promise<Candidate[]> {
  const { table, alias } = scan
  const terms = scan.conditions.flatMap((condition) => termsOf(condition, alias))
  const alternatives = scan.conditions.flatMap((condition) => alternativesOf(condition, alias)).flat()
  const found = new Map<string, Candidate>()
  const add = (candidate: Candidate): void => void found.set(definitionOf(candidate), candidate)

  const predicates = unique(
    scan.conditions.flatMap((condition) => {
      const predicate = predicateOf(condition, alias)
      return predicate?.compared.every((column) => (catalog.distinct(table, column) ?? Infinity) <= mostKinds)
        ? [predicate.text]
        : []
    }),
  )
  const all = predicates.length > 1 ? [predicates.map((each) => `(${each})`).join(' AND ')] : []
  const partial = [undefined, ...predicates, ...all]

  const equal = terms.filter(({ operator }) => equalities.has(operator))
  const bounds = unique(terms.filter(({ operator }) => ranges.has(operator)).map(({ key }) => key))
  const order = orderKeys(scan.order)
  const own = equal.filter(({ joins }) => joins.length === 0)
  const changing = own.filter(({ isConstant }) => !isConstant)
  const joined = [...new Set(equal.flatMap(({ joins }) => joins))].map((other) =>
    equal.filter(({ joins }) => joins.length === 1 && joins[0] === other),
  )
  const starts = [
    changing,
    own,
    ...joined.flatMap((join) => [join, [...changing, ...join], [...own, ...join]]),
    ...equal.map((term) => [term]),
    ...alternatives.filter(({ operator }) => equalities.has(operator)).map((term) => [term]),
    [],
  ].map((start) => bySelectivity(start, table, catalog))
  const ends = [
    [],
    order,
    ...bounds.map((key) => [indexKey(key)]),
    ...bounds.map((key) => [indexKey(key), ...order]),
  ]
  for (const start of starts) {
    for (const end of ends) {
      const keys = withoutRepeats([...start.map(indexKey), ...end])
      if (keys.length === 0) continue
      for (const predicate of partial) {
        if (predicate !== undefined && keys.every((key) => predicates.includes(bare(key)))) continue
        const candidate = {
          table,
          method: 'btree',
          keys,
          include: [],
          ...(predicate === undefined ? {} : { predicate }),
        }
        add(candidate)
        const include = scan.output.map(columnKey).filter((column) => !keys.map(bare).includes(column))
        const fits =
          include.length <= mostIncluded.columns && catalog.width(table, include) <= mostIncluded.bytes
        // An expression's own columns would still have to be read from the table.
        if (include.length === 0 || !fits || !keys.map(bare).every(isColumn)) continue
        add({ ...candidate, include })
        // As large, and other statements can search for them.
        if (include.length <= mostKeysMore) add({ ...candidate, keys: [...keys, ...include] })
      }
    }
  }
  for (const { key, operator } of [...terms, ...alternatives]) {
    const methods = await catalog.methodsFor(table, key, operator)
    // The planner does not know how many rows a GiST index of words finds in vain.
    const exact = ['gin', 'gist', 'spgist'].find((method) => methods.some((each) => each.method === method))
    for (const { method, opclass } of methods) {
      if (method === 'brin' && !catalog.isInOrder(table, key)) continue
      // A B-tree does this too, and is read faster.
      if (method !== 'brin' && (equalities.has(operator) || ranges.has(operator))) continue
      if (method !== 'brin' && method !== exact) continue
      const keys = [opclass === undefined ? indexKey(key) : `${indexKey(key)} ${opclass}`]
      for (const predicate of partial) {
        add({ table, method, keys, include: [], ...(predicate === undefined ? {} : { predicate }) })
      }
    }
  }
  return [...found.values()]
}

/** The order as an index has it; one that is the reverse of the default in every key is read backwards. */
function orderKeys(order: SortKey[]): string[] {
  const reversed = order.every(({ descending, nullsFirst }) => descending && nullsFirst)
  return order.map(({ expression, descending, nullsFirst }) => {
    const key = indexKey(keyText(expression))
    if (reversed) return key
    const nulls = nullsFirst === descending ? '' : nullsFirst ? ' NULLS FIRST' : ' NULLS LAST'
    return `${key}${descending ? ' DESC' : ''}${nulls}`
  })
}

function bySelectivity(terms: Term[], table: RelationName, catalog: CatalogOfCandidates): string[] {
  const distinct = (key: string): number => catalog.distinct(table, key) ?? Number.MAX_SAFE_INTEGER
  return unique(terms.map(({ key }) => key)).sort((a, b) => distinct(b) - distinct(a) || (a < b ? -1 : 1))
}

const isColumn = (key: string): boolean => /^(?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")$/.test(key)

/** An expression stands in parentheses. */
function indexKey(key: string): string {
  return isColumn(key) ? key : `(${key})`
}

/** `rating DESC` -> `rating`. */
function bare(key: string): string {
  return key.replace(/(?: DESC)?(?: NULLS (?:FIRST|LAST))?$/, '')
}

function withoutRepeats(keys: string[]): string[] {
  return keys.filter((key, at) => keys.findIndex((other) => bare(other) === bare(key)) === at)
}

function unique<T>(values: T[]): T[] {
  return [...new Set(values)]
}
