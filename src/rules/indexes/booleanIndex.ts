import type { BooleanShares } from '../../catalog/booleanShares.ts'
import { listBooleanShares } from '../../catalog/booleanShares.ts'
import type { Column } from '../../catalog/columns.ts'
import { findHiddenColumns } from '../../catalog/columnStatistics.ts'
import type { DefinedIndex } from '../../catalog/indexDefinitions.ts'
import { defineIndexes } from '../../catalog/indexDefinitions.ts'
import type { TableIndex } from '../../catalog/indexes.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { dropConcurrently } from '../../operations/recreateIndex.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Remedy, Rule, Violation } from '../rule.ts'
import { unlessLocked } from '../unlessLocked.ts'
import { foundByOtherRules } from './foundByOtherRules.ts'
import { isMostlyNull } from './nullHeavyIndex.ts'

/** Below this the index costs little. */
const worthwhile = 1024 * 1024
/**
 * A value in fewer rows than this is worth a search. On 200,000 rows of 100 bytes the planner counts half of the cost of
 * reading the table for a value in 5 % of the rows, 0.7 of it for 10 %, 0.8 for 20 %, and reads the table for 50 %.
 */
const rare = 0.1

/**
 * B-trees on one boolean column and all rows. Where one value is rare, the index finds its rows, but holds all the others
 * too. Where neither is, it hardly finds rows faster than reading the table; it still counts them.
 *
 * ```sql
 * CREATE INDEX jobs_failed_idx ON jobs (failed);                             -- before: 1 % true; 200,000 rows, 1.4 MB
 * CREATE INDEX CONCURRENTLY jobs_failed_idx1 ON jobs (id) WHERE failed;      -- after: 64 kB
 * ```
 *
 * The rows with the common value are then inserted without an entry. An update of the flag is no HOT update either way.
 */
export const booleanIndex: Rule = {
  name: 'boolean_index',
  finds: 'B-trees on a boolean column alone, with an entry for every row',
  cure: 'a partial index on the rare value, or none where neither is rare',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const sharesOf = await context.read(listBooleanShares)
    const isFound = await foundByOtherRules(context)
    const found = new Map<number, BooleanShares>()
    const indexes: TableIndex[] = []
    const withoutStatistics: { index: TableIndex; column: Column }[] = []
    for (const index of await context.read(listIndexes)) {
      const column = index.keys[0]?.column
      if (column?.type !== 'boolean' || index.keys.length > 1 || index.included.length > 0) continue
      if (!wanted(index.schema) || index.accessMethod !== 'btree' || index.predicate !== null) continue
      // The index of a partitioned table has no size of its own.
      if (!index.isValid || index.protectedBecause !== null || index.sizeBytes < worthwhile) continue
      if (isFound(index)) continue
      const shares = sharesOf(index.schema, index.table.name, column.name)
      if (!shares) withoutStatistics.push({ index, column })
      else if (!isMostlyNull(index, shares.null)) {
        found.set(index.oid, shares)
        indexes.push(index)
      }
    }
    const findings: Violation[] = []
    for (const index of (await defineIndexes(context.db, indexes)).values()) {
      const shares = found.get(index.oid)
      const column = index.keys[0]?.column
      if (shares && column) findings.push(toFinding(index, column, shares))
    }
    const hidden = await findHiddenColumns(
      context.db,
      withoutStatistics.map(({ index, column }) => ({ tableOid: index.tableOid, number: column.number })),
    )
    const tables = withoutStatistics.filter((_, at) => hidden[at]).map(({ index }) => display(index.table))
    return unlessLocked(
      context,
      findings,
      tables.length === 0
        ? undefined
        : `The statistics of ${shortList([...new Set(tables)])} are hidden from this role; SELECT on them shows these.`,
    )
  },
}

/** A value that a search is for, and its share of the rows. */
interface RareValue {
  share: number
  condition: (column: string) => string
}

function toFinding(index: DefinedIndex, column: Column, shares: BooleanShares): Violation {
  const least = leastOf(shares)
  const name = displayIdentifier(column.name)
  return {
    level: 'info',
    subject: [index.schema, index.name],
    detail: least
      ? `Index ${display(index)} finds the ${percent(least.share)} of the rows ${least.condition(name)}, and has an entry for each of the others too.`
      : `Index ${display(index)} finds rows hardly faster than reading ${display(index.table)}: ${name} is true in ${percent(shares.true)} of them and false in ${percent(shares.false)}.`,
    evidence: [
      measured('definition', index.definition),
      estimated('share that is true', round(shares.true)),
      estimated('share that is false', round(shares.false)),
      estimated('share that is NULL', round(shares.null)),
      measured('size', index.sizeBytes, 'bytes'),
      measured('scans', index.scans),
    ],
    remedy: least ? narrow(index, column, least) : askWhoUses(index),
  }
}

/** The one value, or NULL, that is rare, if any; one that no row has is not searched for. */
function leastOf(shares: BooleanShares): RareValue | undefined {
  const values: RareValue[] = [
    { share: shares.true, condition: (column) => `WHERE ${column}` },
    { share: shares.false, condition: (column) => `WHERE NOT ${column}` },
    { share: shares.null, condition: (column) => `WHERE ${column} IS NULL` },
  ]
  return values
    .filter(({ share }) => share > 0 && share < rare)
    .sort((a, b) => a.share - b.share)
    .at(0)
}

function narrow(index: DefinedIndex, column: Column, least: RareValue): Remedy {
  return runbook(
    `Index only the rare value of ${displayIdentifier(column.name)} of ${display(index.table)}`,
    `See which statements use it: hundredfold advise --explain ${displayIdentifier(index.name)}`,
    `CREATE INDEX CONCURRENTLY ON ${qualified(index.table)} (...) ${least.condition(quote(column.name))}; -- on the column by which these statements sort or search besides, else on the primary key`,
    `Where no statement searches for the other value or counts it: ${dropConcurrently(index)};`,
    `To take it back: ${index.definition};`,
  )
}

function askWhoUses(index: DefinedIndex): Remedy {
  return runbook(
    `See who uses ${displayIdentifier(index.name)}`,
    'Most often such an index counts rows, which it does without reading the table.',
    `See which statements use it: hundredfold advise --explain ${displayIdentifier(index.name)}`,
    `Where none does, or none that matters: ${dropConcurrently(index)};`,
    `To take it back: ${index.definition};`,
  )
}

/** As exact as a sample is: 0.0096 -> `1 %`, 0.0012 -> `0.1 %`. */
function percent(share: number): string {
  return `${share < 0.005 ? Number((share * 100).toPrecision(1)) : Math.round(share * 100)} %`
}

function round(share: number): number {
  return Number(share.toFixed(4))
}
