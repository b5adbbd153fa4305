import { display, qualified } from '../../postgres/identifiers.ts'
import { knownRows, listTables, sumOverPartitions } from '../../catalog/tables.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

/** Autovacuum analyzes after a tenth; at twice that it has not kept up. */
const changedShare = 0.2
const fewRows = 1000

/**
 * Tables whose planner statistics are missing or out of date. The planner guesses how many rows a condition keeps, and
 * a wrong guess picks the wrong index or the wrong kind of join.
 *
 * ```sql
 * -- before: rows=1 expected, 80,000 found; a nested loop runs 80,000 times
 * ANALYZE bookings;
 * -- after: rows=79,412 expected; a hash join
 * ```
 *
 * A partitioned table has statistics of its own, for all partitions together, which autovacuum never makes.
 */
export const staleStatistics: Rule = {
  name: 'stale_statistics',
  finds: 'tables whose planner statistics are missing or out of date',
  cure: 'ANALYZE',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const tables = await context.read(listTables)
    const rowsBelow = sumOverPartitions(tables, knownRows)
    const findings: Violation[] = []
    for (const table of tables) {
      if (!wanted(table.schema)) continue
      const neverAnalyzed = table.estimatedRows === null && table.lastAnalyzed === null
      const rows = table.kind === 'p' ? (rowsBelow.get(table.oid) ?? 0) : knownRows(table)
      if (!isStale({ neverAnalyzed, rows, changes: table.changesSinceAnalyze })) continue
      findings.push({
        level: 'warn',
        subject: [table.schema, table.name],
        detail: neverAnalyzed
          ? `${display(table)} was never analyzed: the planner guesses.`
          : `${Math.round(table.changesSinceAnalyze).toLocaleString('en')} rows of ${display(table)} changed since it was analyzed.`,
        evidence: [
          estimated('rows', rows),
          measured('changes since ANALYZE', table.changesSinceAnalyze),
          measured('last ANALYZE', table.lastAnalyzed?.toISOString() ?? null),
        ],
        remedy: runbook(
          `ANALYZE ${display(table)}`,
          `ANALYZE ${qualified(table)}; -- reads a sample, blocks neither reads nor writes`,
          table.kind === 'p'
            ? 'Do it again after large changes, from a scheduler: autovacuum never analyzes a partitioned table.'
            : 'If they get old again: see the finding autovacuum_settings of the table, and whether autovacuum runs at all.',
        ),
      })
    }
    return findings
  },
}

/** Whether the planner knows too little about a table: it was never analyzed, or too many rows changed since. */
export function isStale(table: { neverAnalyzed: boolean; rows: number; changes: number }): boolean {
  return table.neverAnalyzed ? table.rows >= fewRows : table.changes > changedShare * table.rows + fewRows
}
