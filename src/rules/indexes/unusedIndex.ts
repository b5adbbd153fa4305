import { defineIndexes } from '../../catalog/indexDefinitions.ts'
import type { DefinedIndex } from '../../catalog/indexDefinitions.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { readSpares } from '../../indexes/indexCoverage.ts'
import { dropIndex } from '../../operations/dropIndex.ts'
import { dropConcurrently } from '../../operations/recreateIndex.ts'
import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { measured, migrationOr, runbook } from '../remedies.ts'
import type { Violation, Remedy, Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { unlessLocked } from '../unlessLocked.ts'
import type { DropEvidence, DropJudge } from './dropEvidence.ts'
import { readDropJudge, readsOf, unusedAfterDays, writesOf } from './dropEvidence.ts'

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
 * index or an extension's; the last index that leads on a foreign key; one that will replace a duplicate or redundant
 * index; and one that `track_commit_timestamp` shows to be younger. Without that setting no catalog shows when an index
 * was made, and the finding says so. Where this server knows of standbys, the remedy is to ask them first. An index that
 * alone has the statistics of an expression gets steps that keep them.
 */
export const unusedIndex = unusedIndexAfter(unusedAfterDays)

/** The rule with another minimum age of the statistics. */
export function unusedIndexAfter(days: number): Rule {
  return {
    name: 'unused_index',
    finds: 'indexes that no query used in 35 days while their table was busy',
    cure: 'dropping them, with a `down` that builds them again',
    async find(context) {
      const judged = await context.read(readDropJudge)
      const { age, standbys, tables } = judged
      if (age.ageDays < days) {
        throw new CannotSee(
          `The statistics are ${age.ageDays.toFixed(1)} days old; whether an index is unused shows after ${days} days.`,
        )
      }
      const wanted = await wantedSchemas(context)
      const { duplicates, redundant } = await context.read(readSpares)
      const spares = [...duplicates, ...redundant]
      const spoken = new Set(spares.flatMap(({ index, coveredBy }) => [index.oid, coveredBy.oid]))

      const gone = new Set<number>()
      const unused = new Map<number, DropEvidence>()
      // The smallest of several stays for a foreign key.
      for (const index of judged.indexes.toSorted((a, b) => b.sizeBytes - a.sizeBytes || b.oid - a.oid)) {
        if (!wanted(index.schema) || spoken.has(index.oid)) continue
        const evidence = judged.judge(index, days, gone)
        if (evidence.staysBecause !== null || evidence.lacks.length > 0) continue
        gone.add(index.oid)
        unused.set(index.oid, evidence)
      }
      const found = judged.indexes.filter(({ oid }) => unused.has(oid))
      const findings: Violation[] = []
      for (const index of (await defineIndexes(context.db, found)).values()) {
        const table = tables.get(index.tableOid)
        const evidence = unused.get(index.oid)
        if (!table || !evidence) continue
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
          remedy: await cureOf(index, judged, evidence),
        })
      }
      return unlessLocked(context, findings)
    },
  }
}

async function cureOf(
  index: DefinedIndex,
  { age, standbys }: DropJudge,
  evidence: DropEvidence,
): Promise<Remedy> {
  const ask = `SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = '${index.name.replaceAll("'", "''")}'`
  const remedy = await migrationOr(
    () =>
      dropIndex(index, {
        rule: 'unused_index',
        why:
          `No query used ${display(index)} in the ${Math.floor(age.ageDays)} days since the statistics were reset, ` +
          `and every write pays for it. Before you merge: check that it existed all that time, and where you have ` +
          `standbys, ask each: ${ask}`,
      }),
    (reason) => ({ kind: 'none', title: `It stays: ${reason}` }),
  )
  if (remedy.kind !== 'migration' || evidence.unsettled.length === 0) return remedy
  const asksStandbys = evidence.unsettled.includes('standbys')
  const keepsStatistics = evidence.unsettled.includes('expression')
  const first = [
    ...(asksStandbys ? ['ask the standbys'] : []),
    ...(keepsStatistics ? ['keep the statistics'] : []),
  ]
  return runbook(
    `To drop ${displayIdentifier(index.name)}, ${first.join(' and ')} first`,
    ...(asksStandbys ? [`On each of the ${standbys} standbys: ${ask};`] : []),
    ...(keepsStatistics ? keepStatistics(index) : []),
    `${asksStandbys ? 'Where every one of them says 0: ' : ''}${dropConcurrently(index)};`,
    `To take it back: ${remedy.operation.down.join('; ')};`,
  )
}

/** The planner may estimate by the statistics of an expression though it never scans the index. */
function keepStatistics(index: DefinedIndex): string[] {
  const table = qualified(index.table)
  return [
    'Where a statement compares its expression, keep the statistics of it, from PostgreSQL 14 on:',
    ...index.keys
      .filter(({ attnum }) => attnum === 0)
      .map(
        ({ text }) =>
          `CREATE STATISTICS ${qualified({ schema: index.schema, name: `${index.name}_stat` })} ON (${text}) FROM ${table};`,
      ),
    `ANALYZE ${table};`,
  ]
}
