import type { Candidate } from '../../advisor/candidates.ts'
import { definitionOf } from '../../advisor/candidates.ts'
import type { PlannedStatement } from '../../advisor/plannedStatement.ts'
import type { Wishes } from '../../advisor/wishes.ts'
import { qualified } from '../../postgres/identifiers.ts'

/** More columns of a table than these are not combined for a statement. */
const mostCombined = 4

const isColumn = (key: string): boolean => /^(?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")$/.test(key)

/**
 * The candidates of published searches: plain B-trees on the columns that a statement compares or sorts by, alone and in
 * every order of up to so many.
 */
export function widenedColumns(
  { byStatement, candidates }: Pick<Wishes, 'byStatement' | 'candidates'>,
  mostColumns: number,
): Pick<Wishes, 'byStatement' | 'candidates'> {
  const found: Pick<Wishes, 'byStatement' | 'candidates'> = { byStatement: new Map(), candidates: new Map() }
  for (const [statement, definitions] of byStatement) {
    const own = [...definitions].flatMap((definition) => candidates.get(definition) ?? [])
    const wider = columnsOf(own).flatMap(([table, columns]) =>
      orders(columns, mostColumns).map((keys): Candidate => ({ table, method: 'btree', keys, include: [] })),
    )
    add(found, statement, wider)
  }
  return found
}

function add(
  { byStatement, candidates }: Pick<Wishes, 'byStatement' | 'candidates'>,
  statement: PlannedStatement,
  wider: readonly Candidate[],
): void {
  const definitions = wider.map(definitionOf)
  byStatement.set(statement, new Set(definitions))
  for (const [at, candidate] of wider.entries()) candidates.set(definitions[at] ?? '', candidate)
}

/** Columns of each table, those first that stand first in most candidates. */
function columnsOf(candidates: readonly Candidate[]): [Candidate['table'], string[]][] {
  const tables = new Map<string, { table: Candidate['table']; columns: Map<string, number> }>()
  for (const { table, method, keys, predicate } of candidates) {
    if (method !== 'btree' || predicate !== undefined) continue
    const known = tables.get(qualified(table)) ?? { table, columns: new Map<string, number>() }
    tables.set(qualified(table), known)
    for (const [at, key] of keys.entries()) {
      const column = key.replace(/ (?:DESC|NULLS).*$/, '')
      if (isColumn(column)) known.columns.set(column, (known.columns.get(column) ?? 0) + 1 / (1 + at))
    }
  }
  return [...tables.values()].map(({ table, columns }) => [
    table,
    [...columns]
      .sort(([, a], [, b]) => b - a)
      .slice(0, mostCombined)
      .map(([column]) => column),
  ])
}

/** `a, b` -> `a`, `b`, `a b`, `b a`. */
function orders(columns: readonly string[], most: number): string[][] {
  if (most === 0) return []
  return columns.flatMap((first) => [
    [first],
    ...orders(
      columns.filter((other) => other !== first),
      most - 1,
    ).map((rest) => [first, ...rest]),
  ])
}
