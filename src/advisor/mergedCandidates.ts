import type { TableIndex } from '../catalog/indexes.ts'
import { groupBy } from '../groupBy.ts'
import { display } from '../postgres/identifiers.ts'
import type { Candidate, CatalogOfCandidates } from './candidates.ts'
import { bareKey, definitionOf, mostIncluded } from './candidates.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import type { Wishes } from './wishes.ts'

/** So many merges of a table are tried, those of the statements that are sent most first. */
const mostOfTable = 12

/** Two as one, and the statements that either was made for. */
interface Merge {
  candidate: Candidate
  statements: Set<PlannedStatement>
  /** Calls of those statements that gain from it at least. */
  weight: number
}

/**
 * Adds candidates that serve two statements in the place of one for each: the keys of the first lead, those that only the
 * second has follow, and both carry along what they carried. An index that exists is widened like that too, and is then
 * replaced.
 *
 * ```
 * (city_id, rating) and (rating, city_id, price)        -> (city_id, rating, price)
 * (city_id) INCLUDE (name) and (city_id) INCLUDE (slug) -> (city_id) INCLUDE (name, slug)
 * ```
 */
export function addMergedCandidates(
  { candidates, byStatement }: Pick<Wishes, 'candidates' | 'byStatement'>,
  existing: readonly TableIndex[],
  catalog: Pick<CatalogOfCandidates, 'width'>,
): void {
  const statementsOf = new Map<string, Set<PlannedStatement>>()
  for (const [statement, own] of byStatement) {
    for (const definition of own) {
      const known = statementsOf.get(definition) ?? new Set()
      statementsOf.set(definition, known.add(statement))
    }
  }
  const wanted = (candidate: Candidate) => statementsOf.get(definitionOf(candidate)) ?? new Set()
  const there = existing.filter(isPlain).map(asCandidate)
  const tables = groupBy(
    [...candidates.values()].filter(({ method }) => method === 'btree'),
    ({ table }) => display(table),
  )
  for (const [table, own] of tables) {
    const merges = new Map<string, Merge>()
    for (const second of own) {
      for (const first of own) consider(first, second, minus(wanted(first), wanted(second)))
      for (const first of there) if (display(first.table) === table) consider(first, second, undefined)
    }
    const byWeight = [...merges].toSorted(([, a], [, b]) => b.weight - a.weight).slice(0, mostOfTable)
    for (const [definition, { candidate, statements }] of byWeight) {
      candidates.set(definition, candidate)
      for (const statement of statements) byStatement.get(statement)?.add(definition)
    }

    /** @param others statements that want only the first; undefined for an index that exists */
    function consider(first: Candidate, second: Candidate, others: PlannedStatement[] | undefined): void {
      const candidate = mergeOf(first, second, catalog)
      const gaining = minus(wanted(second), wanted(first))
      if (!candidate || gaining.length === 0 || others?.length === 0) return
      const definition = definitionOf(candidate)
      if (candidates.has(definition)) return
      const weight = Math.min(callsOf(gaining), others ? callsOf(others) : Infinity)
      const known = merges.get(definition)
      merges.set(definition, {
        candidate,
        statements: new Set([...(known?.statements ?? []), ...wanted(first), ...wanted(second)]),
        weight: Math.max(weight, known?.weight ?? 0),
      })
    }
  }
}

function minus(
  some: ReadonlySet<PlannedStatement>,
  others: ReadonlySet<PlannedStatement>,
): PlannedStatement[] {
  return [...some].filter((each) => !others.has(each))
}

function callsOf(statements: readonly PlannedStatement[]): number {
  return statements.reduce((sum, { calls }) => sum + calls, 0)
}

/** The two as one index that begins as the first; nothing where that would be one of the two, or no use to the second. */
function mergeOf(
  first: Candidate,
  second: Candidate,
  catalog: Pick<CatalogOfCandidates, 'width'>,
): Candidate | undefined {
  if (first === second || first.predicate !== second.predicate) return undefined
  const leading = first.keys.map(bareKey)
  const begin = second.keys.slice(0, leading.length).map(bareKey)
  if (begin.length < leading.length || !leading.every((key) => begin.includes(key))) return undefined
  const keys = [...first.keys, ...second.keys.slice(leading.length)]
  const bare = keys.map(bareKey)
  const include = [...new Set([...first.include, ...second.include])]
    .filter((key) => !bare.includes(key))
    .sort()
  if (include.length > mostIncluded.columns) return undefined
  if (catalog.width(first.table, include) > mostIncluded.bytes) return undefined
  const isOneOfThem = [first, second].some(
    (each) => each.keys.join() === keys.join() && each.include.toSorted().join() === include.join(),
  )
  return isOneOfThem ? undefined : { ...first, keys, include }
}

/** An index that may go, and whose keys can be written down again from their names. */
function isPlain(index: TableIndex): boolean {
  return (
    index.accessMethod === 'btree' &&
    index.isValid &&
    index.predicate === null &&
    index.protectedBecause === null &&
    index.keys.every(({ attnum, hasOtherCollation }) => attnum !== 0 && !hasOtherCollation)
  )
}

function asCandidate({ table, keys, included }: TableIndex): Candidate {
  return {
    table,
    method: 'btree',
    keys: keys.map(({ text, isDescending, nullsFirst }) => {
      const nulls = nullsFirst === isDescending ? '' : nullsFirst ? ' NULLS FIRST' : ' NULLS LAST'
      return `${text}${isDescending ? ' DESC' : ''}${nulls}`
    }),
    include: included.map(({ text }) => text),
  }
}
