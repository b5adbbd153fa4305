import { display, qualified } from '../../postgres/identifiers.ts'
import { operationTitle } from '../../operations/titles.ts'
import { findStatisticsAge } from '../../catalog/statisticsAge.ts'
import { knownRows } from '../../catalog/tables.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { listTablesReadWhole } from '../../metrics/tablesReadWhole.ts'

/**
 * Large tables that are read from end to end again and again. The counters tell how many rows the scans read, not how
 * many they needed. So this is a suspicion and not a verdict: a nightly report rightly reads everything. Only the
 * statements tell which index is missing, if any.
 *
 * ```sql
 * SELECT * FROM bookings WHERE customer_id = 7;
 * -- before: Seq Scan on bookings (rows removed by filter: 1999990)
 * CREATE INDEX CONCURRENTLY bookings_customer_id_idx ON bookings (customer_id);
 * -- after: Index Scan using bookings_customer_id_idx
 * ```
 */
export const missingIndex: Rule = {
  name: 'missing_index',
  finds: 'large tables that are read from end to end again and again',
  cure: 'steps to find the statements, and an index on the columns of their filters',
  async find(context) {
    const { ageDays } = await context.read(findStatisticsAge)
    return (await listTablesReadWhole(context)).map((table) => ({
      level: 'warn' as const,
      subject: [table.schema, table.name],
      detail:
        `${display(table)} was read from end to end ${table.sequentialScans} times. The counters do not tell ` +
        'how many of the rows were wanted.',
      evidence: [
        estimated('rows', knownRows(table)),
        measured('table size', table.heapBytes, 'bytes'),
        measured('sequential scans', table.sequentialScans),
        measured('rows read by them', table.rowsReadSequentially),
        measured('index scans', table.indexScans),
        measured('age of the statistics', Math.round(ageDays * 10) / 10, 'days'),
      ],
      remedy: runbook(
        `Find the statements that read the whole of ${display(table)}`,
        `SELECT calls, rows, query FROM pg_stat_statements WHERE query ILIKE '%${table.name.replaceAll("'", "''")}%' ORDER BY total_exec_time DESC LIMIT 10;`,
        `EXPLAIN each: a "Seq Scan on ${qualified(table)}" whose filter removes most of the rows needs an index on the columns of the filter.`,
        `\`npm run migrate new ${operationTitle('create', table.name, 'index')}\` writes the migration to put CREATE INDEX CONCURRENTLY into, with conditions and a way back.`,
      ),
    }))
  },
}
