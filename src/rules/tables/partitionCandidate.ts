import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { bytesOf, listSettings } from '../../catalog/settings.ts'
import { knownRows, listTables } from '../../catalog/tables.ts'
import { listColumns } from '../../catalog/columns.ts'
import {
  findHiddenColumns,
  listColumnStatistics,
  statisticsByColumn,
} from '../../catalog/columnStatistics.ts'
import { shortList } from '../../shortList.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

/** Rows lie on the disk in the order in which they came. */
const inOrder = 0.9
const isTime = /^(date|timestamp(\(\d\))? with(out)? time zone)$/

/**
 * Tables larger than the memory that PostgreSQL counts on, filled in the order of time. If they are partitioned by
 * time, a month is dropped at once, and vacuumed and reindexed alone.
 *
 * ```sql
 * DELETE FROM events WHERE created_at < '2024-01-01';  -- before: hours, and the space is not returned
 * DROP TABLE events_2023_12;                           -- after: at once
 * ```
 *
 * It is only a candidate: in measurements, lookups without the partition key get 7 to 15 times slower, so at least four
 * fifths of the statements should filter by it. If they do not, or old rows are never deleted, an index serves better.
 */
export const partitionCandidate: Rule = {
  name: 'partition_candidate',
  finds: 'tables larger than memory, filled in the order of time',
  cure: 'a BRIN index on the time, and what to look at before partitioning by it',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const cache = (await context.read(listSettings)).get('effective_cache_size')
    if (!cache) throw new CannotSee('The setting effective_cache_size is hidden from this role.')
    const memory = bytesOf(cache)
    const large = (await context.read(listTables)).filter(
      (table) =>
        wanted(table.schema) &&
        table.kind === 'r' &&
        !table.isPartition &&
        !table.isExtensionOwned &&
        table.totalBytes - table.indexBytes >= memory,
    )
    if (large.length === 0) return []
    const columns = await context.read(listColumns)
    const statisticsOf = statisticsByColumn(await context.read(listColumnStatistics))
    const findings: Violation[] = []
    const hidden: string[] = []
    for (const table of large) {
      const times = (columns.get(table.oid) ?? []).filter(({ type, notNull }) => notNull && isTime.test(type))
      if (times.length === 0) continue
      const areHidden = await findHiddenColumns(
        context.db,
        times.map(({ number }) => ({ tableOid: table.oid, number })),
      )
      if (areHidden.every((isHidden) => isHidden)) hidden.push(display(table))
      const key = times
        .map(({ name }) => ({
          name,
          correlation: statisticsOf(table.schema, table.name, name)?.correlation ?? null,
        }))
        .filter(({ correlation }) => Math.abs(correlation ?? 0) >= inOrder)
        .sort((a, b) => Math.abs(b.correlation ?? 0) - Math.abs(a.correlation ?? 0))[0]
      if (!key) continue
      const column = displayIdentifier(key.name)
      findings.push({
        level: 'info',
        subject: [table.schema, table.name],
        detail: `${display(table)} is larger than the memory that PostgreSQL counts on, and is filled in the order of ${column}.`,
        evidence: [
          measured('size with TOAST', table.totalBytes - table.indexBytes, 'bytes'),
          measured('effective_cache_size', memory, 'bytes'),
          estimated('rows', knownRows(table)),
          estimated(`correlation of ${column} with the order on disk`, key.correlation),
          measured('deletes', table.deletes),
        ],
        remedy: runbook(
          `See whether ${display(table)} is worth partitioning by ${column}`,
          `Look at its statements: at least four fifths of the calls should have a condition on ${column}; lookups without it get 7 to 15 times slower.`,
          'See whether old rows are ever deleted: dropping a month gains most.',
          `CREATE INDEX CONCURRENTLY ON ${qualified(table)} USING brin (${quote(key.name)}); -- a few blocks are enough to find ranges of time, since the rows are stored in this order`,
          `The partitioned table is a new one, and LIKE ... INCLUDING ALL does not copy everything. Its primary key must contain ${column}. Row-level security, policies, triggers, grants, foreign keys in both directions and publications must be created again, on every partition too. Try it on a copy first.`,
        ),
      })
    }
    if (hidden.length === 0) return findings
    throw new CannotSee(
      `The statistics of ${shortList(hidden)} are hidden from this role; SELECT on them shows these.`,
      findings,
    )
  },
}
