import { sql } from '../../postgres/sql.ts'
import { createStatistics } from '../../operations/createStatistics.ts'
import type { Database } from '../../postgres/database.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { errorCode } from '../../postgres/sqlState.ts'
import type { ColumnPair, PairSample } from '../../catalog/columnPairs.ts'
import { listIndexedPairs, samplePair } from '../../catalog/columnPairs.ts'
import { underSavepoint } from '../../postgres/savepoint.ts'
import { namesBySchema } from '../../catalog/relationNames.ts'
import { listStatisticsNames } from '../../catalog/statistics.ts'
import { shortList } from '../../shortList.ts'
import { estimated, measured, migration } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

const minimumRows = 10_000
/** The largest tables first; each pair costs one bounded sample. */
const mostPairs = 40
const pages = 300
const sampleTimeoutMs = 2_000
/** Share of the rows for which one column determines the other. */
const dependent = 0.95
/** How many times too few rows the planner expects for both conditions together. */
const worstGuess = 5
/** A column that is nearly unique determines all others, and is estimated well without help. */
const rowsPerValue = 10

/**
 * Columns that are filtered together and depend on each other, although the planner assumes that they are independent:
 * it multiplies their selectivities, and expects far fewer rows than there are.
 *
 * ```sql
 * SELECT ... WHERE city = 'Bogota' AND currency = 'COP';
 * -- before: rows=400 expected (1/50 of 1/50 of a million), 20,000 found
 * CREATE STATISTICS bookings_city_currency_stat (ndistinct, dependencies, mcv) ON city, currency FROM bookings;
 * ANALYZE bookings;
 * -- after: rows=19,874 expected
 * ```
 *
 * The pairs are those that an index has side by side; a sample of at most 300 pages of each table shows how far one
 * determines the other, under a timeout of its own.
 */
export const missingExtendedStatistics: Rule = {
  name: 'missing_extended_statistics',
  finds: 'columns of one index that depend on each other, although the planner assumes independence',
  cure: 'CREATE STATISTICS',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const taken = namesBySchema(await context.read(listStatisticsNames))
    const pairs = await listIndexedPairs(context.db, { minimumRows, limit: mostPairs })
    const findings: Violation[] = []
    const unseen = new Set<string>()
    for (const pair of pairs) {
      if (!wanted(pair.table.schema)) continue
      const sample = pair.isVisible ? await trySample(context.db, pair) : undefined
      if (!sample) unseen.add(display(pair.table))
      else if (isMisjudged(sample)) findings.push(toFinding(pair, sample, taken.get(pair.table.schema)))
    }
    if (unseen.size === 0) return findings
    throw new CannotSee(
      `No sample of ${shortList([...unseen])}: ` +
        'this role may not read every row, or reading took too long.',
      findings,
    )
  },
}

/** Undefined where the sample takes too long or is refused; the snapshot goes on. */
export async function trySample(
  db: Database,
  { table, columns }: Pick<ColumnPair, 'table' | 'columns'>,
): Promise<PairSample | undefined> {
  try {
    return await underSavepoint(db, async () => {
      await sql`SELECT pg_catalog.set_config('statement_timeout', ${`${sampleTimeoutMs}`}, true)`.execute(db)
      return samplePair(db, { table, columns, pages })
    })
  } catch (error) {
    // Cancelled, locked, forbidden, or of a type that cannot be compared: nothing is known of the pair.
    if (['57014', '55P03', '42501', '42883'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

/** Whether one of the columns determines the other, and the planner's guess for both is far too low. */
export function isMisjudged(sample: PairSample): boolean {
  return (
    sample.rows >= 1000 &&
    sample.dependency >= dependent &&
    guessOf(sample) >= worstGuess &&
    Math.min(sample.rows / sample.distinctFirst, sample.rows / sample.distinctSecond) >= rowsPerValue
  )
}

/** By what factor the assumption of independence underestimates the rows of one pair of values. */
export function guessOf({ distinctFirst, distinctSecond, distinctPairs }: PairSample): number {
  return (distinctFirst * distinctSecond) / Math.max(1, distinctPairs)
}

function toFinding(pair: ColumnPair, sample: PairSample, taken = new Set<string>()): Violation {
  const { table, columns } = pair
  const list = columns.map(displayIdentifier).join(' and ')
  const percent = Math.floor(sample.dependency * 100)
  const factor = Math.round(guessOf(sample))
  return {
    level: 'info',
    subject: [table.schema, table.name, ...columns],
    detail: `In ${percent} % of the rows of ${display(table)} one of ${list} determines the other; the planner expects some ${factor} times too few rows for both.`,
    evidence: [
      estimated('rows', pair.rows),
      measured('rows in the sample', sample.rows),
      estimated('rows in which one decides the other', percent, '%'),
      estimated('rows expected too few', factor, 'times'),
    ],
    remedy: migration(
      createStatistics({
        table,
        columns,
        takenNames: taken,
        rule: 'missing_extended_statistics',
        why:
          `In a sample of ${sample.rows.toLocaleString('en')} rows of ${display(table)} one of ${list} determines the ` +
          `other in ${percent} %. The planner assumes that they are independent and expects some ${factor} times too few ` +
          'rows for a condition on both, which picks nested loops where a hash join is faster.',
      }),
    ),
  }
}
