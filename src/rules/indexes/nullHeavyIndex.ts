import { narrowIndex } from '../../operations/narrowIndex.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import {
  findHiddenColumns,
  listColumnStatistics,
  statisticsByColumn,
} from '../../catalog/columnStatistics.ts'
import { listRelationNames, namesBySchema } from '../../catalog/relationNames.ts'
import type { Column } from '../../catalog/columns.ts'
import { defineIndexes } from '../../catalog/indexDefinitions.ts'
import type { TableIndex } from '../../catalog/indexes.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import { shortList } from '../../shortList.ts'
import { estimated, measured, migrationOr } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessLocked } from '../unlessLocked.ts'

/** Bytes that entries for NULL take; less is not worth a migration. */
const worthwhile = 1024 * 1024
const mostlyNull = 0.5

/**
 * B-tree indexes most of whose entries are for NULL. Searches for a value never read those, but each insert writes
 * one. An index on the rows that have a value is smaller and finds the same.
 *
 * ```sql
 * CREATE INDEX orders_coupon_idx ON orders (coupon);  -- before: 95 % of the entries are NULL
 * CREATE INDEX CONCURRENTLY orders_coupon_idx_present ON orders (coupon) WHERE coupon IS NOT NULL;
 * DROP INDEX CONCURRENTLY orders_coupon_idx;
 * ```
 *
 * It no longer serves `WHERE coupon IS NULL` and `ORDER BY coupon` over the whole table, so the finding is a hint,
 * for somebody who knows the queries.
 */
export const nullHeavyIndex: Rule = {
  name: 'null_heavy_index',
  finds: 'indexes most of whose entries are for NULL',
  cure: 'an index on the rows that have a value, in its place',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const statisticsOf = statisticsByColumn(await context.read(listColumnStatistics))
    const taken = namesBySchema(await context.read(listRelationNames))
    const heavy: { index: TableIndex; column: Column; nullFraction: number; wasted: number }[] = []
    const withoutStatistics: { index: TableIndex; column: Column }[] = []
    for (const index of await context.read(listIndexes)) {
      const column = index.keys[0]?.column
      if (!column || column.notNull || index.predicate !== null) continue
      if (!wanted(index.schema) || index.accessMethod !== 'btree' || index.isPartitioned) continue
      if (!index.isValid || index.protectedBecause !== null || index.sizeBytes < worthwhile) continue
      const nullFraction = statisticsOf(index.schema, index.table.name, column.name)?.nullFraction
      if (nullFraction === undefined) withoutStatistics.push({ index, column })
      if (nullFraction === undefined || !isMostlyNull(index, nullFraction)) continue
      heavy.push({ index, column, nullFraction, wasted: wastedIn(index, nullFraction) })
    }
    const defined = await defineIndexes(
      context.db,
      heavy.map(({ index }) => index),
    )
    const findings: Violation[] = []
    for (const {
      index: { oid },
      column,
      nullFraction,
      wasted,
    } of heavy) {
      const index = defined.get(oid)
      if (!index) continue
      const share = `${Math.round(nullFraction * 100)} %`
      findings.push({
        level: 'info',
        subject: [index.schema, index.name],
        detail: `In ${share} of the entries of index ${display(index)} the column ${displayIdentifier(column.name)} is NULL.`,
        evidence: [
          measured('definition', index.definition),
          estimated('null fraction', nullFraction),
          measured('size', index.sizeBytes, 'bytes'),
          estimated('size of the entries for NULL', wasted, 'bytes'),
          measured('scans', index.scans),
        ],
        remedy: await migrationOr(
          () =>
            narrowIndex(index, column.name, {
              rule: 'null_heavy_index',
              why:
                `${share} of the entries of ${display(index)} are for NULL, which no search for a value reads. ` +
                'Before you merge: check that no query asks for the rows where ' +
                `${displayIdentifier(column.name)} IS NULL, or for all rows in its order; such queries need the old index.`,
              takenNames: taken.get(index.schema) ?? new Set(),
            }),
          (reason) => ({ kind: 'none', title: `It stays: ${reason}` }),
        ),
      })
    }
    const hidden = await findHiddenColumns(
      context.db,
      withoutStatistics.map(({ index, column }) => ({ tableOid: index.tableOid, number: column.number })),
    )
    const tables = [
      ...new Set(withoutStatistics.filter((_, at) => hidden[at]).map(({ index }) => display(index.table))),
    ]
    return unlessLocked(
      context,
      findings,
      tables.length === 0
        ? undefined
        : `The statistics of ${shortList(tables)} are hidden from this role; SELECT on them shows these.`,
    )
  },
}

/** Whether most of the entries are for NULL, and take enough space. */
export function isMostlyNull(index: TableIndex, nullFraction: number): boolean {
  return nullFraction >= mostlyNull && wastedIn(index, nullFraction) >= worthwhile
}

function wastedIn({ sizeBytes }: TableIndex, nullFraction: number): number {
  return Math.round(sizeBytes * nullFraction)
}
