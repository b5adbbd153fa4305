import type { ClientBase } from 'pg'
import { namesBySchema } from '../catalog/relationNames.ts'
import { listColumnsWithStatistics, listStatisticsNames } from '../catalog/statistics.ts'
import type { ValueFrequencies } from '../catalog/valueFrequencies.ts'
import { listValueFrequencies } from '../catalog/valueFrequencies.ts'
import { groupBy } from '../groupBy.ts'
import { createStatistics } from '../operations/createStatistics.ts'
import type { Operation } from '../operations/operation.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { guessOf, isMisjudged, trySample } from '../rules/tables/missingExtendedStatistics.ts'
import { shortList } from '../shortList.ts'
import { unique } from '../unique.ts'
import type { ComparedTogether } from './comparedTogether.ts'
import { keyOf } from './typicalArguments.ts'

/** Columns whose values hang together, so that the planner expects too few rows for a condition on all of them. */
export interface CorrelatedColumns {
  table: RelationName
  columns: string[]
  /** Names of the statements that compare them. */
  statements: string[]
  /** How many times too few rows it expects. */
  factor: number
  /** From the rows that calls returned, or from a sample of the table's own. */
  basis: 'counted' | 'sampled'
  /** CREATE STATISTICS. */
  operation: Operation
}

/** Statistics are worth their ANALYZE where the planner is off by that many times. */
const farOff = 10
/** With fewer rows a call, a wrong guess costs little. */
const fewRows = 100
/** Each costs a bounded sample. */
const mostSamples = 20

type Evidence = Pick<CorrelatedColumns, 'columns' | 'factor' | 'basis'>

/**
 * Finds columns that need extended statistics. The rows that calls returned are evidence without reading any: where they
 * are many times more than independent columns would give even for the most common values, and one column alone gives
 * as many. With `source`, samples of its tables are counted on the server, of which only the counts come back.
 *
 * @param shadow has the statistics of the source
 */
export async function findCorrelations(
  shadow: ClientBase,
  together: readonly ComparedTogether[],
  source?: ClientBase,
): Promise<CorrelatedColumns[]> {
  if (together.length === 0) return []
  const db = borrow(shadow)
  const covered = await listColumnsWithStatistics(db)
  const taken = namesBySchema(await listStatisticsNames(db))
  const frequencies = new Map(
    (await listValueFrequencies(db)).map((each) => [keyOf(each.schema, each.table, each.column), each]),
  )
  const found: CorrelatedColumns[] = []
  let samples = mostSamples
  const groups = groupBy(together, ({ table, columns }) => JSON.stringify([table, columns]))
  for (const group of groups.values()) {
    const { table, columns } = group[0]
    const isCovered = (some: readonly string[]): boolean =>
      [...covered, ...found].some(
        (each) =>
          display(each.table) === display(table) && some.every((column) => each.columns.includes(column)),
      )
    const known = columns.flatMap((column) => frequencies.get(keyOf(table.schema, table.name, column)) ?? [])
    const counted = known.length === columns.length ? countedFactor(group, known) : 1
    const evidence: Evidence[] = counted >= farOff ? [{ columns, factor: counted, basis: 'counted' }] : []
    if (evidence.length === 0 && source) {
      const pairs = pairsOf(columns)
        .filter((pair) => !isCovered(pair))
        .slice(0, samples)
      samples -= pairs.length
      evidence.push(...(await sampledEvidence(source, table, pairs)))
    }
    for (const each of evidence) {
      if (isCovered(each.columns)) continue
      const statements = unique(group.map(({ statement }) => statement.name))
      const takenNames = taken.get(table.schema) ?? new Set<string>()
      taken.set(table.schema, takenNames)
      const operation = createStatistics({
        table,
        columns: each.columns,
        takenNames,
        rule: 'missing_extended_statistics',
        why: whyOf(table, each, statements),
      })
      found.push({ table, ...each, statements, operation })
    }
  }
  return found
}

/** How many times more rows calls returned than independent columns would give for their most common values. */
function countedFactor(group: readonly ComparedTogether[], columns: readonly ValueFrequencies[]): number {
  const rows = columns[0]?.rows ?? 0
  const shares = columns.map(({ mostCommon, distinct }) =>
    mostCommon > 0 ? mostCommon : 1 / Math.max(1, distinct),
  )
  const independent = rows * shares.reduce((product, share) => product * share, 1)
  const possible = rows * Math.min(...shares)
  const factors = group.flatMap(({ expectedRows, statement: { rowsPerCall } }) =>
    expectedRows === undefined ||
    rowsPerCall === undefined ||
    rowsPerCall < fewRows ||
    rowsPerCall > 1.5 * possible
      ? []
      : [rowsPerCall / Math.max(1, expectedRows, independent)],
  )
  return Math.max(1, ...factors)
}

function pairsOf(columns: readonly string[]): [string, string][] {
  return columns.flatMap((first, at) =>
    columns.slice(at + 1).map((second): [string, string] => [first, second]),
  )
}

/** What policies hide from this role is not sampled: PostgreSQL refuses to read such a table. */
async function sampledEvidence(
  source: ClientBase,
  table: RelationName,
  pairs: readonly [string, string][],
): Promise<Evidence[]> {
  return readOnly(source, async () => {
    await source.query('SET LOCAL row_security = off')
    const found: Evidence[] = []
    for (const columns of pairs) {
      const sample = await trySample(borrow(source), { table, columns })
      const factor = sample && isMisjudged(sample) ? guessOf(sample) : 1
      if (factor >= farOff) found.push({ columns, factor, basis: 'sampled' })
    }
    return found
  })
}

function whyOf(table: RelationName, { columns, factor, basis }: Evidence, statements: string[]): string {
  const list = columns.map(displayIdentifier).join(' and ')
  const times = Math.round(factor)
  const evidence =
    basis === 'counted'
      ? `Calls of ${shortList(statements)} return some ${times} times more rows than`
      : `In a sample of ${display(table)} there are some ${times} times more rows for both values than`
  return `${evidence} PostgreSQL expects of ${list}, which it takes for independent of each other.`
}
