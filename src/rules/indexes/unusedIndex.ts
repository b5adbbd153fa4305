import { dropIndex } from '../../operations/dropIndex.ts'
import { dropConcurrently } from '../../operations/recreateIndex.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import type { ForeignKey } from '../../catalog/foreignKeys.ts'
import { listForeignKeys } from '../../catalog/foreignKeys.ts'
import { countStandbys } from '../../catalog/standbys.ts'
import type { StatisticsAge } from '../../catalog/statisticsAge.ts'
import { findStatisticsAge } from '../../catalog/statisticsAge.ts'
import type { Table } from '../../catalog/tables.ts'
import { listTables } from '../../catalog/tables.ts'
import type { DefinedIndex } from '../../catalog/indexDefinitions.ts'
import { defineIndexes } from '../../catalog/indexDefinitions.ts'
import type { TableIndex } from '../../catalog/indexes.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import { servesForeignKey } from './foreignKeyIndexes.ts'
import { byTable } from '../../catalog/byTable.ts'
import { readSpares } from '../../indexes/indexCoverage.ts'
import { measured, migrationOr, runbook } from '../remedies.ts'
import type { Violation, Remedy, Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessLocked } from '../unlessLocked.ts'

/** A month and its reports, and a few days more. */
const minimumAgeDays = 35
/** Reads and writes of the table since the statistics were reset: with fewer, the table is not in use. */
const busyTable = 100

/**
 * Indexes that no query has used while the table was busy, for longer than a month. Every insert and most updates still
 * write them, and an index on a column that every update changes prevents HOT updates.
 *
 * ```sql
 * CREATE INDEX bookings_note_idx ON bookings (note);  -- before: idx_scan = 0 in 60 days, 2 million updates
 * DROP INDEX CONCURRENTLY bookings_note_idx;          -- down builds it again exactly as it was
 * ```
 *
 * Never reported: an index that backs a constraint, is unique, replica identity, clustered, attached to a partitioned
 * index or an extension's; the only index that leads on a foreign key; and one that will replace a duplicate or
 * redundant index. No catalog shows when the index was made and whether a standby uses it, and the finding says so.
 * Where this server knows of standbys, the remedy is to ask them first.
 */
export const unusedIndex = unusedIndexAfter(minimumAgeDays)

/** The rule with another minimum age of the statistics. */
export function unusedIndexAfter(days: number): Rule {
  return {
    name: 'unused_index',
    finds: 'indexes that no query used in 35 days while their table was busy',
    cure: 'dropping them, with a `down` that builds them again',
    async find(context) {
      const age = await context.read(findStatisticsAge)
      if (age.ageDays < days) {
        throw new CannotSee(
          `The statistics are ${age.ageDays.toFixed(1)} days old; whether an index is unused shows after ${days} days.`,
        )
      }
      const wanted = await wantedSchemas(context)
      const indexes = await context.read(listIndexes)
      const keys = await context.read(listForeignKeys)
      const standbys = await context.read(countStandbys)
      const tables = new Map((await context.read(listTables)).map((table) => [table.oid, table]))
      const ofTable = byTable(indexes)
      const { duplicates, redundant } = await context.read(readSpares)
      const spares = [...duplicates, ...redundant]
      const spoken = new Set(spares.flatMap(({ index, coveredBy }) => [index.oid, coveredBy.oid]))

      const unused = indexes.filter((index) => {
        const table = tables.get(index.tableOid)
        if (!wanted(index.schema) || !table || !isCandidate(index) || spoken.has(index.oid)) return false
        if (readsOf(table) + writesOf(table) < busyTable) return false
        return !isNeededByForeignKey(index, ofTable.get(index.tableOid) ?? [], keys)
      })
      const findings: Violation[] = []
      for (const index of (await defineIndexes(context.db, unused)).values()) {
        const table = tables.get(index.tableOid)
        if (!table) continue
        findings.push({
          level: 'info',
          subject: [index.schema, index.name],
          detail:
            `No query on this server used index ${display(index)} in the ${Math.floor(age.ageDays)} days that the ` +
            'statistics cover. They do not tell whether the index is younger than that, nor what standbys do.',
          evidence: [
            measured('definition', index.definition),
            measured('scans', index.scans),
            measured('age of the statistics', Math.floor(age.ageDays), 'days'),
            measured('reads of the table', readsOf(table)),
            measured('writes of the table', writesOf(table)),
            measured('size', index.sizeBytes, 'bytes'),
            measured('standbys known here', standbys),
          ],
          remedy: await cureOf(index, age, standbys),
        })
      }
      return unlessLocked(context, findings)
    },
  }
}

function readsOf({ sequentialScans, indexScans }: Table): number {
  return sequentialScans + indexScans
}

function writesOf({ inserts, updates, deletes }: Table): number {
  return inserts + updates + deletes
}

function isCandidate(index: TableIndex): boolean {
  return (
    index.scans === 0 &&
    index.lastScan === null &&
    index.isValid &&
    !index.isPartitioned &&
    index.protectedBecause === null
  )
}

/** Whether no other index of its table leads on a foreign key that it leads on. */
export function isNeededByForeignKey(index: TableIndex, siblings: TableIndex[], keys: ForeignKey[]): boolean {
  return keys.some(
    (key) =>
      key.tableOid === index.tableOid &&
      servesForeignKey(index, key) &&
      !siblings.some((other) => other.oid !== index.oid && servesForeignKey(other, key)),
  )
}

function cureOf(index: DefinedIndex, age: StatisticsAge, standbys: number): Promise<Remedy> {
  const ask = `SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = '${index.name.replaceAll("'", "''")}'`
  return migrationOr(
    () =>
      dropIndex(index, {
        rule: 'unused_index',
        why:
          `No query used ${display(index)} in the ${Math.floor(age.ageDays)} days since the statistics were reset, ` +
          `and every write pays for it. Before you merge: check that it existed all that time, and where you have ` +
          `standbys, ask each: ${ask}`,
      }),
    (reason) => ({ kind: 'none', title: `It stays: ${reason}` }),
  ).then((remedy) =>
    standbys === 0 || remedy.kind !== 'migration'
      ? remedy
      : runbook(
          `Ask the standbys, then drop ${displayIdentifier(index.name)}`,
          `On each of the ${standbys} standbys: ${ask};`,
          `Where every one of them says 0: ${dropConcurrently(index)};`,
          `To take it back: ${remedy.operation.down.join('; ')};`,
        ),
  )
}
